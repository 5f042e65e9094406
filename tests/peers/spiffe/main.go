// Verifies JWT-SVIDs with go-spiffe, for the tests.
//
// Standard input is {"bundle": …, "jwks": …, "trust_domain": …, "cases": [{"token", "audience"}]}. The bundle is the SPIFFE bundle
// document that an authority publishes, the JWK set its plain keys: both are read by the library, and both must come to
// the same. Standard output is a list, for each case {"sub"} or {"error"}.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spiffe/go-spiffe/v2/bundle/jwtbundle"
	"github.com/spiffe/go-spiffe/v2/bundle/spiffebundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/svid/jwtsvid"
)

type input struct {
	Bundle      json.RawMessage `json:"bundle"`
	Jwks        json.RawMessage `json:"jwks"`
	TrustDomain string          `json:"trust_domain"`
	Cases       []struct {
		Token    string `json:"token"`
		Audience string `json:"audience"`
	} `json:"cases"`
}

type verdict struct {
	Sub   string `json:"sub,omitempty"`
	Error string `json:"error,omitempty"`
}

func run() error {
	var asked input
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	domain, err := spiffeid.TrustDomainFromString(asked.TrustDomain)
	if err != nil {
		return err
	}
	bundle, err := spiffebundle.Parse(domain, asked.Bundle)
	if err != nil {
		return err
	}
	keys, err := jwtbundle.Parse(domain, asked.Jwks)
	if err != nil {
		return err
	}
	if !keys.Equal(bundle.JWTBundle()) {
		return fmt.Errorf("the bundle has other keys than the JWK set")
	}
	verdicts := []verdict{}
	for _, one := range asked.Cases {
		svid, err := jwtsvid.ParseAndValidate(one.Token, bundle, []string{one.Audience})
		if err != nil {
			verdicts = append(verdicts, verdict{Error: err.Error()})
		} else {
			verdicts = append(verdicts, verdict{Sub: svid.ID.String()})
		}
	}
	return json.NewEncoder(os.Stdout).Encode(verdicts)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "spiffe:", err)
		os.Exit(1)
	}
}
