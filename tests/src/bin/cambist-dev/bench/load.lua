-- A request with ten headers for each token of a file, sent in turn from a given one; one line of results at the end.

local requests = {}
local sent = 0

function init(args)
    for token in io.lines(args[1]) do
        requests[#requests + 1] = wrk.format("GET", "/orders?page=2", {
            ["Host"] = "api.example",
            ["User-Agent"] = "shop-cart/2.31.0 (linux; amd64)",
            ["Accept"] = "application/json",
            ["Accept-Encoding"] = "gzip, deflate, br",
            ["Accept-Language"] = "en",
            ["Authorization"] = "Bearer " .. token,
            ["Cache-Control"] = "no-cache",
            ["X-Correlation-Id"] = "0b6f6d0e-6f3c-4d57-8a66-1f2f6f2a9d11",
            ["Traceparent"] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            ["X-Shop-Region"] = "eu-central",
        })
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
