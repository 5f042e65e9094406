-- A token request with each token of a file, sent in turn from a given one; one line of results at the end.

local requests = {}
local sent = 0

function init(args)
    for token in io.lines(args[1]) do
        local body = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=" .. token
        requests[#requests + 1] = wrk.format("POST", "/oauth2/v1/token", {
            ["Host"] = "auth.example",
            ["User-Agent"] = "shop-cart/2.31.0 (linux; amd64)",
            ["Accept"] = "application/json",
            ["Content-Type"] = "application/x-www-form-urlencoded",
        }, body)
    end
    sent = tonumber(args[2])
end

function request()
    sent = sent % #requests + 1
    return requests[sent]
end

function done(summary, latency)
    local errors = summary.errors
    local broken = errors.connect + errors.read + errors.write + errors.timeout
    io.write(string.format(
        "result requests=%d duration_us=%d refused=%d broken=%d p50_us=%d p99_us=%d\n",
        summary.requests, summary.duration, errors.status, broken,
        latency:percentile(50), latency:percentile(99)
    ))
end
