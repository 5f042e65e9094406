// A token endpoint of Ory's fosite with its handler of RFC 7523, as a peer for the end-to-end tests.
//
// Everything that decides is fosite's: this program reads whom it knows from a file, and listens.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	jose "github.com/go-jose/go-jose/v3"
	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/storage"
	"golang.org/x/crypto/bcrypt"
)

// Whom it knows.
type settings struct {
	// TokenURL is what assertions must name as their audience.
	TokenURL string `json:"token_url"`
	// Issuer, Subjects and Key say whose assertions are good.
	Issuer   string          `json:"issuer"`
	Subjects []string        `json:"subjects"`
	Key      jose.JSONWebKey `json:"key"`
	Scopes   []string        `json:"scopes"`
	// Lifespan is that of access tokens in seconds.
	Lifespan int      `json:"lifespan"`
	Clients  []client `json:"clients"`
}

type client struct {
	ID     string           `json:"id"`
	Method string           `json:"method"`
	Secret string           `json:"secret"`
	Key    *jose.JSONWebKey `json:"key"`
}

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "fosite:", err)
		os.Exit(1)
	}
}

func run(file, portFile string) error {
	bytes, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var known settings
	if err := json.Unmarshal(bytes, &known); err != nil {
		return err
	}
	store := storage.NewMemoryStore()
	keys := map[string]storage.SubjectPublicKeys{}
	for _, subject := range known.Subjects {
		key := storage.PublicKeyScopes{Key: &known.Key, Scopes: known.Scopes}
		keys[subject] = storage.SubjectPublicKeys{
			Subject: subject,
			Keys:    map[string]storage.PublicKeyScopes{known.Key.KeyID: key},
		}
	}
	store.IssuerPublicKeys[known.Issuer] = storage.IssuerPublicKeys{Issuer: known.Issuer, KeysBySub: keys}
	for _, client := range known.Clients {
		if err := register(store, client, known.Scopes); err != nil {
			return err
		}
	}
	config := &fosite.Config{
		AccessTokenLifespan:                  time.Duration(known.Lifespan) * time.Second,
		GlobalSecret:                         []byte("only-for-tests-only-for-tests-32"),
		TokenURL:                             known.TokenURL,
		GrantTypeJWTBearerIDOptional:         true,
		GrantTypeJWTBearerIssuedDateOptional: false,
	}
	provider := compose.Compose(
		config,
		store,
		&compose.CommonStrategy{CoreStrategy: compose.NewOAuth2HMACStrategy(config)},
		compose.RFC7523AssertionGrantFactory,
		compose.OAuth2TokenIntrospectionFactory,
	)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := announce(portFile, listener.Addr().(*net.TCPAddr).Port); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(writer http.ResponseWriter, request *http.Request) {
		ctx := request.Context()
		asked, err := provider.NewAccessRequest(ctx, request, &fosite.DefaultSession{})
		if err != nil {
			fmt.Fprintln(os.Stderr, "refused:", fosite.ErrorToRFC6749Error(err).WithExposeDebug(true).GetDescription())
			provider.WriteAccessError(ctx, writer, asked, err)
			return
		}
		answer, err := provider.NewAccessResponse(ctx, asked)
		if err != nil {
			provider.WriteAccessError(ctx, writer, asked, err)
			return
		}
		provider.WriteAccessResponse(ctx, writer, asked, answer)
	})
	// For the tests: what it knows of a token, and another secret for a client.
	mux.HandleFunc("POST /peer/token", func(writer http.ResponseWriter, request *http.Request) {
		_, known, err := provider.IntrospectToken(
			request.Context(), request.FormValue("token"), fosite.AccessToken, &fosite.DefaultSession{})
		shown := map[string]any{"active": err == nil}
		if err == nil {
			shown["subject"] = known.GetSession().GetSubject()
			shown["client"] = known.GetClient().GetID()
			shown["scopes"] = known.GetGrantedScopes()
		}
		_ = json.NewEncoder(writer).Encode(shown)
	})
	mux.HandleFunc("PUT /peer/client", func(writer http.ResponseWriter, request *http.Request) {
		var changed client
		err := json.NewDecoder(request.Body).Decode(&changed)
		if err == nil {
			err = register(store, changed, known.Scopes)
		}
		if err != nil {
			http.Error(writer, err.Error(), http.StatusBadRequest)
		}
	})
	return http.Serve(listener, mux)
}

func register(store *storage.MemoryStore, known client, scopes []string) error {
	secret, err := bcrypt.GenerateFromPassword([]byte(known.Secret), bcrypt.MinCost)
	if err != nil {
		return err
	}
	keys := &jose.JSONWebKeySet{}
	if known.Key != nil {
		keys.Keys = append(keys.Keys, *known.Key)
	}
	store.Clients[known.ID] = &fosite.DefaultOpenIDConnectClient{
		DefaultClient: &fosite.DefaultClient{
			ID:         known.ID,
			Secret:     secret,
			GrantTypes: []string{"urn:ietf:params:oauth:grant-type:jwt-bearer"},
			Scopes:     scopes,
		},
		JSONWebKeys:                       keys,
		TokenEndpointAuthMethod:           known.Method,
		TokenEndpointAuthSigningAlgorithm: "ES256",
	}
	return nil
}

// Who sees the file sees all of it.
func announce(file string, port int) error {
	if err := os.WriteFile(file+".partial", []byte(fmt.Sprintln(port)), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".partial", file)
}
