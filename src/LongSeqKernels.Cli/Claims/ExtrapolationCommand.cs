using System.CommandLine;
using LongSeqKernels.Models;

namespace LongSeqKernels.Cli;

/// <summary>
/// <c>lsk evaluate extrapolation</c>: a model trained on windows whose lengths are drawn from a U-shaped Beta distribution, inferred on far longer histories (STCA, arXiv 2511.06077),
/// against training on long windows and on short ones of a fixed length.
/// </summary>
internal sealed class ExtrapolationCommand : ClaimCommand
{
    private const double Bar = 0.8;

    private readonly ClaimModelOptions _model;
    private readonly ClaimEvaluationOptions _evaluation;
    private readonly Option<int> _average = OptionOf.Integer("--average", "Average length of the windows of short training, a multiple of 8", 200, 16);
    private readonly Option<int> _longest = OptionOf.Integer("--longest", "Longest window that is drawn from the Beta distribution, a multiple of 8", 2000, 16);
    private readonly Option<int> _long = OptionOf.Integer("--long", "Length of the windows of long training, a multiple of 8", 2000, 16);
    private readonly Option<RealList> _alphas = OptionOf.Reals("--alphas", "First shapes of the Beta distribution; the second follows from the average", [0.1, 0.3, 1], 0.001, 1000);
    private readonly Option<int> _segments = OptionOf.Integer("--segments", "Histories per step, on average: as many whatever their length", 24);

    public ExtrapolationCommand(CommandHost host)
        : base("extrapolation", "Claim: trained on short windows of random length, a model gains from far longer histories", host)
    {
        foreach (Option option in (Option[])[_average, _longest, _long, _alphas, _segments])
        {
            Add(option);
        }
        _model = new ClaimModelOptions(this, steps: 800);
        _evaluation = new ClaimEvaluationOptions(this, [10, 30, 100, 200, 1000, 3000, 10_000, RequestBatches.AllEvents]);
        Add(Seed);
    }

    public override string Details =>
        """
        Trains one model per alpha (windows of 8 to --longest events, average --average), one on windows of exactly --average events and one on windows of exactly --long events,
        all with equally many steps and about equally many requests, and ranks the same test requests with all of them at every history length. The gain of training long is
        that of its model at the whole history over the fixed short one at its own length; reported is the share of it that each alpha keeps.
        """;

    public override IReadOnlyList<string> Examples => ["lsk evaluate extrapolation log.lsklog", "lsk evaluate extrapolation log.lsklog --steps 3000 --alphas 0.05,0.1,0.2,0.5,1 --work extrapolation"];

    protected override void CheckOptions(Invocation invocation)
    {
        foreach (Option<int> option in (Option<int>[])[_average, _longest, _long])
        {
            if (invocation.Get(option) % SuffixLengths.Granularity != 0)
            {
                throw Failure.Usage($"{option.Name} is {invocation.Get(option)}; it must be a multiple of {SuffixLengths.Granularity}.");
            }
        }
        if (invocation.Get(_average) >= invocation.Get(_longest))
        {
            throw Failure.Usage($"--average is {invocation.Get(_average)}; it must be below --longest ({invocation.Get(_longest)}).");
        }
        _model.Check(invocation);
    }

    protected override ClaimOutcome Measure(ClaimRun run)
    {
        Invocation invocation = run.Invocation;
        int average = invocation.Get(_average);
        int longWindow = invocation.Get(_long);
        double[] alphas = invocation.Get(_alphas).Values;
        RequestProtocol protocol = _model.Protocol(invocation, run.Log);
        var models = new List<NamedModel>();
        var trainedLengths = new List<double>();
        void Train(string file, string name, SuffixLengths windows, int meanLength)
        {
            RequestSamplerOptions sampling = _model.Sampling(invocation, windows, meanLength * invocation.Get(_segments), invocation.Get(Seed));
            models.Add(new NamedModel(name, run.Train(file, _model.Plan(invocation, run.Log, protocol, sampling, invocation.Get(Seed)))));
            trainedLengths.Add(MeanLength(new RequestSampler(new RequestMaker(run.Log, protocol), sampling)));
        }
        Train($"fixed-{average}", $"fixed {Format.Count(average)}", new SuffixLengths(average, average), average);
        foreach (double alpha in alphas)
        {
            Train($"alpha-{alpha}", $"Beta, alpha {alpha}", Windows(alpha, average, invocation.Get(_longest)), average);
        }
        Train($"long-{longWindow}", $"long {Format.Count(longWindow)}", new SuffixLengths(longWindow, longWindow), longWindow);
        EvaluationReport report = _evaluation.Run(run, models, protocol, invocation.Get(Seed), windows => [.. windows, average]);
        return Outcome(report, average, trainedLengths, _model.Budget(invocation) + $" Windows of Beta training: 8 to {Format.Count(invocation.Get(_longest))} events.");
    }

    /// <summary>Windows whose mean is the average: E[s] = alpha / (alpha + beta).</summary>
    internal static SuffixLengths Windows(double alpha, int average, int longest)
    {
        double share = (double)(average - SuffixLengths.Granularity) / (longest - SuffixLengths.Granularity);
        return new SuffixLengths(SuffixLengths.Granularity, longest, alpha, alpha * (1 - share) / share);
    }

    private static double MeanLength(RequestSampler source)
    {
        const int Batches = 50;
        long events = 0;
        long segments = 0;
        for (int number = 0; number < Batches; number++)
        {
            RequestBatch batch = source.Batch(number);
            events += batch.History.Total;
            segments += batch.History.Count;
        }
        return (double)events / segments;
    }

    private static ClaimOutcome Outcome(EvaluationReport report, int average, List<double> trainedLengths, string budget)
    {
        IReadOnlyList<LengthResult> results = report.Results;
        int own = Enumerable.Range(0, results[0].Windows.Count).First(w => results[0].Windows[w].Window == average);
        int all = results[0].Windows.Count - 1;
        IReadOnlyList<double> bases = results[0].Windows[own].UserAuc;
        IReadOnlyList<double> full = results[^1].Windows[all].UserAuc;
        Estimate whole = PairedUsers.Difference(full, bases);
        bool gains = whole.Mean > 2 * whole.Error;
        var table = new ResultTable(["trained on", ">mean length", .. results[0].Windows.Select(window => $">AUC {window.Label}"), ">gain", "", ">share kept", ""]);
        var findings = new List<Finding>();
        for (int i = 0; i < results.Count; i++)
        {
            IReadOnlyList<double> longest = results[i].Windows[all].UserAuc;
            Estimate gain = PairedUsers.Difference(longest, bases);
            Estimate share = PairedUsers.ShareOfGain(longest, bases, full);
            table.Row(
            [
                results[i].Name, Format.Count((long)Math.Round(trainedLengths[i])), .. results[i].Windows.Select(window => Format.Fixed(window.Auc.Mean, 4)),
                Format.Signed(gain.Mean, 4), "± " + Format.Fixed(gain.Error, 4), gains ? Format.Percent(share.Mean) : "", gains ? "± " + Format.Percent(share.Error) : "",
            ]);
            if (i > 0 && i < results.Count - 1)
            {
                findings.Add(new Finding(
                    gains ? share.Mean >= Bar : null,
                    gains
                        ? $"{results[i].Name}: keeps {Format.Percent(share.Mean)} ± {Format.Percent(share.Error)} of the gain of training long (bar: {Format.Percent(Bar)})."
                        : $"{results[i].Name}: {Format.Signed(gain.Mean, 4)} ± {Format.Fixed(gain.Error, 4)}; training long gains nothing that a share could be kept of."));
            }
        }
        findings.Insert(0, new Finding(gains, $"Training long gains {Format.Signed(whole.Mean, 4)} ± {Format.Fixed(whole.Error, 4)} AUC at the whole history over the fixed window of {average} at its own length."));
        return new ClaimOutcome
        {
            Title = "Length extrapolation: trained short, inferred long",
            Conditions = $"{EvaluationRun.Requests(report)}. {budget}",
            Table = table,
            Legend = $"AUC by history length at inference. Gain: AUC at the whole history over that of the fixed window of {average} at {average} events, paired by user; share kept: of the long model's gain, where it has one beyond two errors. ±: one standard error over users.",
            Findings = findings,
            Chart = LengthChart.ToSvg(report, "Length extrapolation: trained short, inferred long"),
            Report = report,
        };
    }
}
