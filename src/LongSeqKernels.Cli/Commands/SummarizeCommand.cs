using System.CommandLine;
using System.Diagnostics;
using LongSeqKernels.Models;
using LongSeqKernels.Serving;

namespace LongSeqKernels.Cli;

/// <summary>What <c>lsk summarize --json</c> prints.</summary>
/// <param name="Command">"summarize".</param>
/// <param name="Store">The database.</param>
/// <param name="Version">The model's version in it.</param>
/// <param name="Run">The run in the work table.</param>
/// <param name="Progress">How far it is, over all its workers.</param>
/// <param name="Seconds">What this process took.</param>
/// <param name="Errors">Why users could not be summarised, some of them.</param>
internal sealed record SummarizeDocument(string Command, string Store, string Version, string Run, WorkProgress Progress, double Seconds, IReadOnlyList<string> Errors);

/// <summary><c>lsk summarize</c>: VISTA's stage 1 over the users of a log, into a store.</summary>
internal sealed class SummarizeCommand : LskCommand
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(500);

    private readonly Argument<string> _log = new("log") { Description = "The interaction log" };
    private readonly Argument<string> _model = new("model") { Description = "The VISTA model, trained on that log" };
    private readonly Option<Choice<SummaryEncoding>> _codec = OptionOf.OneOf("--codec", "How summary rows are stored", SummaryEncoding.Int8, ("fp16", SummaryEncoding.Float16), ("int8", SummaryEncoding.Int8), ("int4", SummaryEncoding.Int4));
    private readonly Option<bool> _append = OptionOf.Flag("--append", "Extend summaries by new events where the model can (one layer, time gaps to the previous event), and leave users without new events as they are");
    private readonly Option<double> _share = OptionOf.Real("--refresh-share", "With --append, for models that cannot go on: leave a summary that lacks less than this share of the user's events", 0, 0, 1);
    private readonly Option<double> _age = OptionOf.Real("--refresh-age", "With --append: hours from which on a summary that lacks events is made anew whatever their share; default: no limit", null, 0, 1e6, "hours");
    private readonly Option<int> _workers = OptionOf.Integer("--workers", "Users that this process summarises at a time; 0 for one per processor, at most 4", 0, 0, 1024);
    private readonly Option<double> _life = OptionOf.Real("--ttl", "Hours after which summaries are not given out any more; default: never", null, 1e-3, 1e6, "hours");
    private readonly Option<int> _lease = OptionOf.Integer("--lease", "Seconds after which others take over the batch of a worker that died", 30, 1, 86_400);
    private readonly Option<bool> _restart = OptionOf.Flag("--restart", "Summarise again although this log has been summarised with this model, or is being");
    private readonly StoreOptions _store;
    private readonly ComputeOptions _compute;

    public SummarizeCommand(CommandHost host)
        : base("summarize", "Summarise the histories of a log into a store, together with other processes", host)
    {
        Add(_log);
        Add(_model);
        _store = new StoreOptions(this, "Where summaries go", required: true);
        foreach (Option option in (Option[])[_codec, _append, _share, _age, _workers, _life, _lease, _restart])
        {
            Add(option);
        }
        _compute = new ComputeOptions(this);
    }

    public override string Details =>
        """
        Users are claimed in batches from a work table in the same database. The same command on several machines (with copies of the log and the model, and a PostgreSQL store)
        shares the work; a batch and its mark are committed together, so a process that is killed loses nothing but the batch in work, which another one takes over.
        Started again, the command goes on where it was. Summaries of other model versions stay beside.
        """;

    public override IReadOnlyList<string> Examples =>
    [
        "lsk summarize movies.lsklog movies.lskmodel --store summaries.db",
        "lsk summarize log.lsklog log.lskmodel --store postgres://lsk@db/lsk --codec int4 --ttl 24",
    ];

    protected override int Run(Invocation invocation) => RunAsync(invocation).GetAwaiter().GetResult();

    private async Task<int> RunAsync(Invocation invocation)
    {
        Terminal terminal = invocation.Terminal;
        string logPath = invocation.Get(_log);
        string modelPath = invocation.Get(_model);
        if (!invocation.Get(_append) && (invocation.IsGiven(_share) || invocation.IsGiven(_age)))
        {
            throw Failure.Usage("--refresh-share and --refresh-age go with --append: without it every user is summarised.");
        }
        InteractionLog log = InputFile.ReadLog(logPath);
        VistaModel model = StoreOptions.Vista(InputFile.ReadModel(modelPath), modelPath);
        ModelNotes.Read(model, modelPath, log, logPath);
        string version = _store.Version(invocation, model, modelPath);
        SummaryMode mode = invocation.Get(_append) ? SummaryMode.Append : SummaryMode.Whole;
        string run = $"{version}/{invocation.Get(_codec).Name}/{(mode == SummaryMode.Append ? "append" : "whole")}/{StoreOptions.DigestOf(logPath)}";
        await using ISummaryStore store = _store.Open(invocation, MissingStore.Create);
        if (invocation.Get(_restart))
        {
            await store.Work.DeleteRunAsync(run, invocation.Interruption);
        }
        var clock = Stopwatch.StartNew();
        WorkProgress before = await store.Work.StartAsync(run, version, UserBatches.Of(log.Users), invocation.Interruption);
        terminal.Line($"{log.Source}: {Format.Count(before.Events, "event")} of {Format.Count(before.Users, "user")}; {model.Kind}: {model.Config.Summary}");
        terminal.Line($"Version {version} in {store.Description}");
        using (LongSeqContext context = _compute.CreateContext(invocation))
        {
            if (mode == SummaryMode.Append && new VistaSummariser(context, model).AppendObstacle is { } obstacle)
            {
                terminal.Line($"Users with new events are summarised whole. {obstacle}");
            }
        }
        if (before.IsFinished)
        {
            terminal.Line("This log has been summarised with this model already; --restart does it again.");
        }
        else if (before.UsersDone > 0)
        {
            terminal.Line($"Going on after {Format.Count(before.UsersDone)} of {Format.Count(before.Users, "user")}.");
        }
        var options = new SummaryWorkerOptions
        {
            Run = run,
            Version = version,
            Mode = mode,
            RefreshShare = invocation.Get(_share),
            RefreshAge = invocation.IsGiven(_age) ? TimeSpan.FromHours(invocation.Get(_age)) : null,
            RequestTime = log.NewestTime + 1,
            Lease = TimeSpan.FromSeconds(invocation.Get(_lease)),
            TimeToLive = invocation.IsGiven(_life) ? TimeSpan.FromHours(invocation.Get(_life)) : null,
        };
        bool interrupted = false;
        try
        {
            Work(invocation, store, log, model, options, before);
        }
        catch (OperationCanceledException) when (invocation.Interruption.IsCancellationRequested)
        {
            interrupted = true;
        }
        WorkProgress after = await store.Work.ProgressAsync(run);
        IReadOnlyList<string> errors = after.Failed > 0 ? await store.Work.ErrorsAsync(run) : [];
        terminal.Line($"{Format.Count(after.UsersDone)} of {Format.Count(after.Users, "user")} ({Format.Count(after.EventsDone, "event")}) are summarised; this process took {Format.Time(clock.Elapsed.TotalSeconds)}.");
        foreach (string error in errors)
        {
            terminal.Warning(error);
        }
        terminal.Document(new SummarizeDocument(Name, store.Description, version, run, after, clock.Elapsed.TotalSeconds, errors), Documents.Default.SummarizeDocument);
        if (interrupted)
        {
            terminal.Line("Interrupted. What is done stays; the same command goes on.");
            return ExitCode.Interrupted;
        }
        return after.Failed == 0 ? ExitCode.Success : ExitCode.Failure;
    }

    /// <summary>Runs this process' workers and shows how far all workers are.</summary>
    private void Work(Invocation invocation, ISummaryStore store, InteractionLog log, VistaModel model, SummaryWorkerOptions options, WorkProgress before)
    {
        int threads = _compute.Threads(invocation);
        int workers = invocation.Get(_workers) is var asked and > 0 ? asked : Math.Min(threads, 4);
        LongSeqContext[] contexts = [.. Enumerable.Range(0, workers).Select(_ => _compute.CreateContext(invocation, Math.Max(1, threads / workers)))];
        try
        {
            invocation.Terminal.Track(
                "Summarising", before.Users, "users",
                progress =>
                {
                    using var stop = CancellationTokenSource.CreateLinkedTokenSource(invocation.Interruption);
                    Task[] running =
                    [
                        .. contexts.Select(context => Task.Run(() => new SummaryWorker(
                            store, log, new VistaUserSummariser(new VistaSummariser(context, model, invocation.Get(_codec).Value)), options).RunAsync(stop.Token))),
                    ];
                    Task all = Task.WhenAll(running);
                    try
                    {
                        while (Task.WaitAny([all], ProgressInterval) < 0)
                        {
                            // One worker's failure of the store is everyone's.
                            if (running.Any(task => task.IsFaulted))
                            {
                                stop.Cancel();
                            }
                            Report(progress, store, options.Run);
                        }
                    }
                    finally
                    {
                        // Whatever ends this, they give back their batches before what they compute with is gone.
                        stop.Cancel();
                        Task.WaitAny([all]);
                    }
                    all.GetAwaiter().GetResult();
                    Report(progress, store, options.Run);
                    return true;
                },
                before.UsersDone);
        }
        finally
        {
            foreach (LongSeqContext context in contexts)
            {
                context.Dispose();
            }
        }
    }

    private static void Report(IProgressSink progress, ISummaryStore store, string run)
    {
        WorkProgress now;
        try
        {
            now = store.Work.ProgressAsync(run).AsTask().GetAwaiter().GetResult();
        }
        catch (SummaryStoreException exception) when (exception.Fault == StoreFault.Unreachable)
        {
            // The workers know how long to wait for it.
            return;
        }
        string left = now.Remaining is { } remaining ? $", {Format.Duration(remaining)} left" : "";
        progress.Report(now.UsersDone, $"all workers: {Format.Significant(now.EventsPerSecond)} events/s, {Format.Count(now.Claimed, "batch", "batches")} in work{left}");
    }
}
