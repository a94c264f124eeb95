using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace LongSeqKernels.Serving;

/// <summary>
/// An HTTP endpoint that scores candidates for users from their stored summaries: <c>POST /v1/score</c>, <c>GET /healthz</c>, <c>GET /metrics</c> (Prometheus text).
/// </summary>
/// <remarks>
/// Status codes of <c>/v1/score</c>: 200; 400 malformed; 404 no summary of this user or of this model version; 410 summary expired; 413 body or list of candidates too
/// large; 429 too many requests wait; 500 damaged record or model; 503 store unavailable or timeout. Errors have a body <c>{"error": word, "message": sentence}</c>.
/// </remarks>
public sealed class ScoringServer : IAsyncDisposable
{
    private const string ScorePath = "/v1/score";
    private const string HealthPath = "/healthz";
    private const string MetricsPath = "/metrics";
    private const string JsonType = "application/json";

    private readonly ISummaryStore _store;
    private readonly ScoringServerOptions _options;
    private readonly ServingMetrics _metrics = new();
    private readonly ScoreBatcher _batcher;
    private readonly WebApplication _application;
    private volatile bool _stopping;

    private ScoringServer(ISummaryStore store, IReadOnlyList<ISummaryScorer> scorers, ScoringServerOptions options)
    {
        (_store, _options) = (store, options);
        _batcher = new ScoreBatcher(store, scorers, options, _metrics);
        _application = Build();
    }

    /// <summary>Where the server listens, with the port that it got.</summary>
    public IPEndPoint Address { get; private set; } = new(IPAddress.None, 0);

    /// <summary>Starts a server.</summary>
    /// <param name="store">Where the summaries are; stays the caller's.</param>
    /// <param name="scorers">One for every batch that may be scored at a time, 1 or more.</param>
    /// <param name="options">What to serve, and the limits.</param>
    /// <param name="cancellation">Gives up starting.</param>
    /// <exception cref="ArgumentException">An option is out of range, or there is no scorer.</exception>
    /// <exception cref="IOException">The address cannot be listened on.</exception>
    public static async Task<ScoringServer> StartAsync(
        ISummaryStore store, IReadOnlyList<ISummaryScorer> scorers, ScoringServerOptions options, CancellationToken cancellation = default)
    {
        options.Check();
        if (scorers.Count == 0)
        {
            throw Error.Invalid(nameof(scorers), "empty", "one scorer or more");
        }
        var server = new ScoringServer(store, scorers, options);
        try
        {
            await server._application.StartAsync(cancellation);
            string address = server._application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
            server.Address = IPEndPoint.Parse(new Uri(address).Authority);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Takes no more requests, finishes those in progress, and stops.</summary>
    public async Task StopAsync()
    {
        _stopping = true;
        using var limit = new CancellationTokenSource(_options.ShutdownTimeout);
        await _application.StopAsync(limit.Token);
        await _batcher.DisposeAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _stopping = true;
        await _application.DisposeAsync();
        await _batcher.DisposeAsync();
        _metrics.Dispose();
    }

    private WebApplication Build()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = _options.MaxBodyBytes;
            kestrel.Limits.MaxConcurrentConnections = _options.MaxConnections;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            kestrel.Listen(_options.Listen);
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddSingleton<IHostLifetime, CallersLifetime>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = _options.ShutdownTimeout);
        WebApplication application = builder.Build();
        application.MapPost(ScorePath, context => AnswerAsync(context, ScoreAsync));
        application.MapGet(HealthPath, HealthAsync);
        application.MapGet(MetricsPath, MetricsAsync);
        application.MapFallback(RefuseAsync);
        return application;
    }

    /// <summary>Runs a request under its time limit, turns exceptions into answers, and counts.</summary>
    private async Task AnswerAsync(HttpContext context, Func<HttpContext, CancellationToken, Task> work)
    {
        long start = Stopwatch.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        limit.CancelAfter(_options.Timeout);
        try
        {
            await work(context, limit.Token);
        }
        catch (Exception exception) when (!context.RequestAborted.IsCancellationRequested)
        {
            RequestRefusedException refused = Explain(exception);
            if (refused.Status == StatusCodes.Status500InternalServerError)
            {
                _options.Report?.Invoke(exception);
            }
            if (refused.Status is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable)
            {
                context.Response.Headers.RetryAfter = "1";
            }
            await WriteAsync(context, refused.Status, new ErrorResponse(refused.Error, refused.Message), ServingJson.Default.ErrorResponse);
        }
        catch (OperationCanceledException)
        {
            // The caller has gone; 499 as proxies count it.
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
        }
        finally
        {
            _metrics.RequestAnswered(context.Response.StatusCode, Stopwatch.GetElapsedTime(start));
        }
    }

    private RequestRefusedException Explain(Exception exception) => exception switch
    {
        RequestRefusedException refused => refused,
        BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => TooLarge($"The body has more than {_options.MaxBodyBytes} bytes."),
        BadHttpRequestException bad => new(bad.StatusCode, "malformed", bad.Message),
        JsonException json => Malformed($"The body is no valid request: {json.Message}"),
        OperationCanceledException => new(StatusCodes.Status503ServiceUnavailable, "timeout", $"The request took longer than {_options.Timeout.TotalSeconds} s."),
        _ => new(StatusCodes.Status500InternalServerError, "internal", exception.Message, exception),
    };

    private async Task ScoreAsync(HttpContext context, CancellationToken cancellation)
    {
        ScoreRequest body = await JsonSerializer.DeserializeAsync(context.Request.Body, ServingJson.Default.ScoreRequest, cancellation) ?? throw Malformed("The body is null.");
        var request = new PendingScore(User(body), Candidates(body), Features(body), cancellation);
        if (!_batcher.TryAdd(request))
        {
            throw new RequestRefusedException(StatusCodes.Status429TooManyRequests, "overloaded", $"{_options.MaxWaiting} requests wait already.");
        }
        ScoreResponse response = await request.Answer.WaitAsync(cancellation);
        await WriteAsync(context, StatusCodes.Status200OK, response, ServingJson.Default.ScoreResponse);
    }

    private static string User(ScoreRequest body)
    {
        try
        {
            _ = SummaryRecordFormat.Name(body.User ?? throw Malformed("user is missing."), "user");
            return body.User;
        }
        catch (ArgumentException exception)
        {
            throw Malformed(exception.Message);
        }
    }

    private int[] Candidates(ScoreRequest body)
    {
        if (body.Candidates is null == body.Items is null)
        {
            throw Malformed("Either candidates (numbers) or items (names) must be given.");
        }
        int count = body.Candidates?.Length ?? body.Items!.Length;
        if (count == 0)
        {
            throw Malformed("The list of candidates is empty.");
        }
        if (count > _options.MaxCandidates)
        {
            throw TooLarge($"{count} candidates are more than {_options.MaxCandidates}.");
        }
        int[] candidates = body.Candidates ?? [.. body.Items!.Select(Find)];
        foreach (int candidate in candidates)
        {
            if ((uint)candidate >= (uint)_options.Items)
            {
                throw Malformed($"candidate {candidate} is unknown; the model knows items 0 to {_options.Items - 1}.");
            }
        }
        return candidates;
    }

    private int Find(string name) => _options.FindItem is null
        ? throw Malformed("items by name are not known here: the server was started without a log. Give candidates by number.")
        : (name is null ? null : _options.FindItem(name)) ?? throw Malformed($"item '{name}' is unknown.");

    private float[] Features(ScoreRequest body)
    {
        float[] features = body.Features ?? [];
        long expected = (long)(body.Candidates?.Length ?? body.Items!.Length) * _options.ContextWidth;
        return features.Length != expected ? throw Malformed($"features has {features.Length} numbers; it must have {expected}, {_options.ContextWidth} per candidate.")
            : features.All(float.IsFinite) ? features
            : throw Malformed("features has a number that fp32 cannot hold.");
    }

    private async Task HealthAsync(HttpContext context)
    {
        try
        {
            if (_stopping)
            {
                await HealthAsync(context, StatusCodes.Status503ServiceUnavailable, "stopping", null);
                return;
            }
            await _store.PingAsync(context.RequestAborted).AsTask().WaitAsync(_options.Timeout, context.RequestAborted);
            await HealthAsync(context, StatusCodes.Status200OK, "ok", null);
        }
        catch (Exception exception) when (!context.RequestAborted.IsCancellationRequested)
        {
            await HealthAsync(context, StatusCodes.Status503ServiceUnavailable, "store_unavailable", exception.Message);
        }
    }

    private Task HealthAsync(HttpContext context, int code, string status, string? message) =>
        WriteAsync(context, code, new HealthResponse(status, _options.Version, message), ServingJson.Default.HealthResponse);

    private async Task MetricsAsync(HttpContext context)
    {
        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        await context.Response.WriteAsync(_metrics.Prometheus(), context.RequestAborted);
    }

    private static Task RefuseAsync(HttpContext context)
    {
        const string There = $"There are POST {ScorePath}, GET {HealthPath} and GET {MetricsPath}.";
        return context.Request.Path.Value is ScorePath or HealthPath or MetricsPath
            ? WriteAsync(context, StatusCodes.Status405MethodNotAllowed, new ErrorResponse("wrong_method", There), ServingJson.Default.ErrorResponse)
            : WriteAsync(context, StatusCodes.Status404NotFound, new ErrorResponse("not_found", There), ServingJson.Default.ErrorResponse);
    }

    private static async Task WriteAsync<T>(HttpContext context, int status, T body, JsonTypeInfo<T> type)
    {
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(body, type);
        context.Response.StatusCode = status;
        context.Response.ContentType = JsonType;
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }

    /// <summary>Signals are the caller's affair.</summary>
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private static RequestRefusedException Malformed(string message) => new(StatusCodes.Status400BadRequest, "malformed", message);

    private static RequestRefusedException TooLarge(string message) => new(StatusCodes.Status413PayloadTooLarge, "too_large", message);
}
