using System.CommandLine;
using System.Net;
using LongSeqKernels.Models;
using LongSeqKernels.Serving;

namespace LongSeqKernels.Cli;

/// <summary><c>lsk serve</c>: an HTTP endpoint that scores candidates for users from their stored summaries.</summary>
internal sealed class ServeCommand : LskCommand
{
    private static readonly ScoringServerOptions Defaults = new() { Version = "default", Items = 1 };

    private readonly Argument<string> _model = new("model") { Description = "The VISTA model whose summaries are in the store" };
    private readonly Option<string?> _log = OptionOf.Text("--log", "The log that the model was trained on: lets requests name items", "file");
    private readonly Option<IPEndPoint> _listen = new("--listen")
    {
        Description = "Address and port; port 0 for any free one",
        HelpName = "address:port",
        DefaultValueFactory = _ => Defaults.Listen,
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (text.Contains(':', StringComparison.Ordinal) && IPEndPoint.TryParse(text, out IPEndPoint? endPoint))
            {
                return endPoint;
            }
            result.AddError($"--listen is \"{text}\"; it must be an IP address with a port, such as 127.0.0.1:8080 or [::]:8080.");
            return null;
        },
    };

    private readonly Option<int> _scorers = OptionOf.Integer("--scorers", "Batches that are scored at a time", 1, 1, 1024);
    private readonly Option<int> _candidates = OptionOf.Integer("--max-candidates", "Most candidates of a request", Defaults.MaxCandidates);
    private readonly Option<long> _body = OptionOf.Long("--max-body", "Most bytes of a request", Defaults.MaxBodyBytes, 1);
    private readonly Option<int> _waiting = OptionOf.Integer("--max-waiting", "Most requests that wait; more are answered with 429", Defaults.MaxWaiting);
    private readonly Option<int> _batch = OptionOf.Integer("--batch", "Most requests that are scored together", Defaults.MaxBatchRequests);
    private readonly Option<double> _window = OptionOf.Real("--batch-window", "Milliseconds that a batch waits for more requests; 0: what arrives while one is scored is the next", 0, 0, 10_000, "ms");
    private readonly Option<double> _timeout = OptionOf.Real("--timeout", "Seconds that a request may take", Defaults.Timeout.TotalSeconds, 0.01, 3600, "s");
    private readonly StoreOptions _store;
    private readonly ComputeOptions _compute;

    public ServeCommand(CommandHost host)
        : base("serve", "Serve scores over HTTP from the summaries in a store", host)
    {
        Add(_model);
        _store = new StoreOptions(this, "Where the summaries are", required: true);
        foreach (Option option in (Option[])[_log, _listen, _scorers, _candidates, _body, _waiting, _batch, _window, _timeout])
        {
            Add(option);
        }
        _compute = new ComputeOptions(this);
    }

    public override string Details =>
        """
        POST /v1/score takes {"user": "ann", "candidates": [17, 4]} (numbers of items; with --log also "items": names; "features" for models with context features) and answers
        {"user", "version", "historyLength", "historyTime", "scores"}, one score per candidate in the same order. Errors are {"error", "message"} with 400 malformed, 404 no summary
        of this user or model version, 410 expired, 413 too large, 429 too many requests wait, 500 damaged record or model, 503 store unavailable or timeout.
        GET /healthz is 200 while the store answers; GET /metrics is Prometheus text. Requests that arrive while others are scored are scored together, across users.
        SIGTERM and Ctrl-C finish the requests in progress; then the exit code is 0. Plain HTTP: put a proxy with TLS and authentication before it.
        """;

    public override IReadOnlyList<string> Examples =>
    [
        "lsk serve movies.lskmodel --store summaries.db --log movies.lsklog",
        "curl -s localhost:8080/v1/score -d '{\"user\": \"414\", \"items\": [\"1\", \"2571\"]}'",
    ];

    protected override int Run(Invocation invocation) => RunAsync(invocation).GetAwaiter().GetResult();

    private async Task<int> RunAsync(Invocation invocation)
    {
        Terminal terminal = invocation.Terminal;
        string modelPath = invocation.Get(_model);
        VistaModel model = StoreOptions.Vista(InputFile.ReadModel(modelPath), modelPath);
        InteractionLog? log = null;
        if (invocation.Get(_log) is { } logPath)
        {
            log = InputFile.ReadLog(logPath);
            ModelNotes.Read(model, modelPath, log, logPath);
        }
        ScoringServerOptions options = Serving(invocation, model, modelPath, log, terminal);
        await using ISummaryStore store = _store.Open(invocation, MissingStore.Refuse);
        int scorers = invocation.Get(_scorers);
        LongSeqContext[] contexts = [.. Enumerable.Range(0, scorers).Select(_ => _compute.CreateContext(invocation, Math.Max(1, _compute.Threads(invocation) / scorers)))];
        try
        {
            VistaSummaryScorer[] own = [.. contexts.Select(context => new VistaSummaryScorer(new VistaScorer(context, model)))];
            WarmUp(contexts[0], model, own);
            await using ScoringServer server = await ScoringServer.StartAsync(store, own, options, invocation.Interruption);
            terminal.Line($"Serving {model.Kind} {options.Version} ({contexts[0].Explain()}) from {store.Description} on http://{server.Address}");
            await Task.Delay(Timeout.Infinite, invocation.Interruption).ContinueWith(_ => { }, TaskScheduler.Default);
            terminal.Line("Stopping: requests in progress are finished.");
            await server.StopAsync();
        }
        finally
        {
            foreach (LongSeqContext context in contexts)
            {
                context.Dispose();
            }
        }
        return ExitCode.Success;
    }

    private ScoringServerOptions Serving(Invocation invocation, VistaModel model, string modelPath, InteractionLog? log, Terminal terminal) => Defaults with
    {
        Version = _store.Version(invocation, model, modelPath),
        Items = model.Config.Items,
        ContextWidth = model.Config.ContextWidth,
        FindItem = log is null ? null : name => log.TryFindItem(name, out int item) ? item : null,
        Listen = invocation.Get(_listen),
        MaxCandidates = invocation.Get(_candidates),
        MaxBodyBytes = invocation.Get(_body),
        MaxWaiting = invocation.Get(_waiting),
        MaxBatchRequests = invocation.Get(_batch),
        BatchWindow = TimeSpan.FromMilliseconds(invocation.Get(_window)),
        Timeout = TimeSpan.FromSeconds(invocation.Get(_timeout)),
        Report = exception => terminal.Warning(exception.Message),
    };

    /// <summary>Runs every scorer once, so that the first request does not wait for code to be compiled.</summary>
    private static void WarmUp(LongSeqContext context, VistaModel model, VistaSummaryScorer[] scorers)
    {
        UserSummary nothing = UserSummary.Encode(context, SummaryEncoding.Int8, model.Config.Width, new float[model.Config.Seeds * model.Config.Width]);
        foreach (VistaSummaryScorer scorer in scorers)
        {
            scorer.Score([nothing], JaggedLayout.Uniform(1, 1), new int[1], new float[model.Config.ContextWidth], new float[1]);
        }
    }
}
