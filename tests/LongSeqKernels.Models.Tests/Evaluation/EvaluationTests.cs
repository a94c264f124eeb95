using System.Xml.Linq;
using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class EvaluationTests
{
    private static readonly int[] Windows = [1, 3, RequestBatches.AllEvents];

    /// <summary>Two users, ten items; user 0 has six events, user 1 has four.</summary>
    private static RequestMaker Maker(string source = "by hand")
    {
        var log = new InteractionLog
        {
            Users = JaggedLayout.FromLengths(6, 4),
            Items = new[] { 0, 1, 2, 1, 3, 1, 4, 4, 5, 6 },
            Times = new long[] { 1, 2, 3, 4, 5, 6, 1, 2, 3, 4 },
            ItemCount = 10,
            UserNames = ["ann", "bob"],
            ItemNames = [.. Enumerable.Range(0, 10).Select(item => $"{item}")],
            ItemCategories = new[] { 0, 0, 1, 1, 2, 2, 3, 3, 4, 4 },
            CategoryCount = 5,
            Source = source,
        };
        return new RequestMaker(log, new RequestProtocol { Negatives = 3 });
    }

    private static Request At(int user, long length, params int[] targets) =>
        new() { User = user, HistoryLength = length, Time = 10, Targets = targets, Popularity = Array.ConvertAll(targets, target => (float)target) };

    /// <summary>Scores a target by how often it is in the visible history.</summary>
    private sealed class Counter : IRequestScorer
    {
        public void Score(RequestBatch batch, Span<float> logits)
        {
            for (int segment = 0; segment < batch.History.Count; segment++)
            {
                var history = batch.HistoryItems.Span.Slice((int)batch.History.Start(segment), (int)batch.History.Length(segment));
                for (int t = (int)batch.Targets.Start(segment); t < (int)batch.Targets.Offsets[segment + 1]; t++)
                {
                    logits[t] = history.Count(batch.TargetItems.Span[t]);
                }
            }
        }
    }

    private sealed class Constant(float logit) : IRequestScorer
    {
        public void Score(RequestBatch batch, Span<float> logits) => logits.Fill(logit);
    }

    [Test]
    public void MetricsOfARequestByHand()
    {
        // One negative above, one equal, two below.
        var metrics = RequestMetrics.Of("test", [1, 2, 1, 0, 0]);
        Assert.That(metrics.Auc, Is.EqualTo(1 - (1.5 / 4)));
        Assert.That(metrics.ReciprocalRank, Is.EqualTo(1 / 2.5));
        Assert.That(metrics.Hit10, Is.EqualTo(1));
        Assert.That(metrics.Nll, Is.EqualTo(-Math.Log(Math.E / ((2 * Math.E) + (Math.E * Math.E) + 2))).Within(1e-12));
        Assert.That(RequestMetrics.Of("test", [-1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).Hit10, Is.EqualTo(0));
        Assert.That(RequestMetrics.Of("test", [-1, 0, 0, 0, 0, 0, 0, 0, 0, 0]).Hit10, Is.EqualTo(1), "rank ten");
        Assert.That(RequestMetrics.Of("test", [1000, -1000]).Nll, Is.Zero);
        Assert.That(RequestMetrics.Of("test", [-1e30f, 1e30f]).Nll, Is.EqualTo(2e30).Within(1e24));
    }

    [Test]
    public void WindowsAndErrorsByHand()
    {
        // Ann's history is 0 1 2 1 3 (five of six events), then 0 1; bob's 4 4 5.
        Request[] requests = [At(0, 5, 1, 3, 9, 8), At(0, 2, 0, 9, 8, 7), At(1, 3, 4, 5, 9, 8)];
        var result = new LengthEvaluator(Maker(), requests, new EvaluationOptions { Windows = Windows, EventsPerBatch = 4 }).Evaluate("counter", new Counter());
        // Window 1: ann sees 3 (the negative wins: one above, two equal), then 1 (all equal); bob sees 5 (as ann's first).
        double lost = 1 - (2.0 / 3);
        // Window 3: ann sees 2 1 3 (equal with 3, above the others), then 0 1; bob sees 4 4 5.
        double[] second = [1 - (0.5 / 3), 1, 1];
        var windows = result.Windows;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(windows[0].Auc.Mean, Is.EqualTo((lost + 0.5 + lost) / 3).Within(1e-12));
            Assert.That(windows[1].Auc.Mean, Is.EqualTo(second.Average()).Within(1e-12));
            Assert.That(windows[2].Auc.Mean, Is.EqualTo(1), "the whole history shows 1 twice and 3 once");
            Assert.That(windows[0].UserAuc, Is.EqualTo(new[] { (lost + 0.5) / 2, lost }).Within(1e-12));
            // Two users: the standard deviation over N is half the difference, over the root of two.
            Assert.That(windows[0].Auc.Error, Is.EqualTo(Math.Abs(windows[0].UserAuc[0] - windows[0].UserAuc[1]) / 2 / Math.Sqrt(2)).Within(1e-12));
            Assert.That(windows[0].AucGain, Is.EqualTo(new Estimate(0, 0)));
            double[] gains = [.. windows[2].UserAuc.Zip(windows[0].UserAuc, (all, one) => all - one)];
            Assert.That(windows[2].AucGain.Mean, Is.EqualTo(gains.Average()).Within(1e-12));
            Assert.That(windows[2].AucGain.Error, Is.EqualTo(Math.Abs(gains[0] - gains[1]) / 2 / Math.Sqrt(2)).Within(1e-12));
            Assert.That(windows[2].Nll.Mean, Is.LessThan(windows[0].Nll.Mean));
            Assert.That(windows.Select(window => window.MeanHistory), Is.EqualTo(new[] { 1, 8 / 3.0, 10 / 3.0 }).Within(1e-12));
            Assert.That(windows.Select(window => window.Label), Is.EqualTo(new[] { "1", "3", "all" }));
        }
    }

    [Test]
    public void AScorerThatCannotTellIsAtChance()
    {
        var result = new LengthEvaluator(Maker(), [At(0, 5, 1, 3, 9, 8)], new EvaluationOptions { Windows = Windows }).Evaluate("none", new Constant(7));
        Assert.That(result.Windows.Select(window => window.Auc.Mean), Is.All.EqualTo(0.5));
        Assert.That(result.Windows[0].Nll.Mean, Is.EqualTo(Math.Log(4)).Within(1e-12));
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void LogitsThatAreNoNumbersAreReported(float logit) =>
        Assert.That(
            () => new LengthEvaluator(Maker(), [At(0, 5, 1, 3)]).Evaluate("broken", new Constant(logit)), Throws.InstanceOf<ArithmeticException>().With.Message.Contains("broken"));

    [Test]
    public void WrongArgumentsAreRefused()
    {
        Assert.That(() => new LengthEvaluator(Maker(), []), Throws.ArgumentException);
        Assert.That(() => new LengthEvaluator(Maker(), [At(0, 5, 1)]), Throws.ArgumentException);
        Assert.That(() => new EvaluationOptions { Windows = [] }.Validate(), Throws.ArgumentException);
        Assert.That(() => new EvaluationOptions { Windows = [0, 1] }.Validate(), Throws.ArgumentException);
        Assert.That(() => new EvaluationOptions { Windows = [10, 10] }.Validate(), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void EvaluationsCanBeCancelledAndShowProgress()
    {
        var evaluator = new LengthEvaluator(Maker(), [At(0, 5, 1, 3), At(1, 3, 1, 3)], new EvaluationOptions { Windows = Windows });
        Assert.That(() => evaluator.Evaluate("c", new Counter(), cancellation: new CancellationToken(true)), Throws.InstanceOf<OperationCanceledException>());
        var progress = new Recorder();
        evaluator.Evaluate("c", new Counter(), progress: progress);
        Assert.That(progress.Shares, Is.Ordered);
        Assert.That(progress.Shares[^1], Is.EqualTo(1).Within(1e-12));
    }

    private sealed class Recorder : IProgress<double>
    {
        public List<double> Shares { get; } = [];

        public void Report(double value) => Shares.Add(value);
    }

    [Test]
    public void HandMadeFeaturesByHand()
    {
        var log = Maker().Log;
        var features = new LogitFeatures(log.ItemCategories, [2, RequestBatches.AllEvents]);
        // The history 0 1 2 1 3 is, newest first, 3 1 2 1 0; categories 1 0 1 0 0.
        var values = new float[2 * 14];
        features.Compute(log.Items.Span[..5], [1, 0], [0.25f, 0.5f], values);
        float[] expected =
        [
            MathF.Log(2), 1 / 2f, MathF.Log(2), 1, MathF.Log(2), MathF.Log(2), 0.25f,
            MathF.Log(3), 1 / 2f, MathF.Log(2), 1, MathF.Log(4), MathF.Log(2), 0.25f,
            0, 0, MathF.Log(3), 0, MathF.Log(2), MathF.Log(2), 0.5f,
            MathF.Log(2), 1 / 5f, MathF.Log(5), 1, MathF.Log(4), MathF.Log(2), 0.5f,
        ];
        Assert.That(values, Is.EqualTo(expected).Within(1e-6));
    }

    [Test]
    public void TheConditionalLogitFindsTheMaximum()
    {
        // Choices drawn from known weights; at the maximum the gradient of the penalised likelihood vanishes: no nearby weight vector does better.
        var random = new RandomStream(1);
        const int Count = 400;
        const int Targets = 5;
        var features = new float[Count * Targets * 3];
        for (int request = 0; request < Count; request++)
        {
            var rows = features.AsSpan(request * Targets * 3, Targets * 3);
            for (int i = 0; i < rows.Length; i++)
            {
                rows[i] = (float)random.NextNormal() * (i % 3 == 2 ? 10 : 1);
            }
            // The first target is made the best of a noisy linear score.
            int best = Enumerable.Range(0, Targets).MaxBy(t => rowScore(features, request, t) - Math.Log(-Math.Log(random.NextUnit() + 1e-300)));
            for (int i = 0; i < 3; i++)
            {
                (rows[i], rows[(best * 3) + i]) = (rows[(best * 3) + i], rows[i]);
            }
        }
        var model = ConditionalLogit.Fit(JaggedLayout.Uniform(Count, Targets), features, 3, 3, CancellationToken.None);
        // A score is linear, so differences of scores along unit features are the weights: 1, -0.5 and 0.1.
        double Weight(int i) => model.Score([i == 0 ? 1 : 0, i == 1 ? 1 : 0, i == 2 ? 1 : 0]) - model.Score([0, 0, 0]);
        Assert.That(Weight(0), Is.EqualTo(1).Within(0.25));
        Assert.That(Weight(1), Is.EqualTo(-0.5).Within(0.25));
        Assert.That(Weight(2), Is.EqualTo(0.1).Within(0.03));

        static double rowScore(float[] features, int request, int t)
        {
            var row = features.AsSpan(((request * Targets) + t) * 3, 3);
            return row[0] - (0.5 * row[1]) + (0.1 * row[2]);
        }
    }

    [Test]
    public void BaselinesReadWhatTheySay()
    {
        var maker = Maker();
        // The positive is always the less popular one.
        Request[] requests = [At(0, 5, 1, 3), At(1, 3, 2, 9), At(0, 2, 4, 8)];
        var evaluator = new LengthEvaluator(maker, requests, new EvaluationOptions { Windows = Windows });
        var popularity = PopularityBaseline.Fit(requests);
        Assert.That(evaluator.Evaluate("popularity", popularity, BatchContent.Popularity).Windows[0].Auc.Mean, Is.EqualTo(1));
        Assert.That(() => evaluator.Evaluate("popularity", popularity), Throws.ArgumentException.With.Message.Contains("TargetContext"));
        var logit = LogitBaseline.Fit(maker, requests, Windows);
        Assert.That(evaluator.Evaluate("logit", logit.ForWindow, BatchContent.Popularity).Windows[2].Auc.Mean, Is.EqualTo(1));
        Assert.That(() => logit.ForWindow(2), Throws.ArgumentException);
        Assert.That(() => PopularityBaseline.Fit([requests[0] with { Popularity = default }]), Throws.ArgumentException);
        Assert.That(() => PopularityBaseline.Fit([]), Throws.ArgumentException);
    }

    private static EvaluationReport Report(string source = "by hand", params string[] names)
    {
        var evaluator = new LengthEvaluator(Maker(source), [At(0, 5, 1, 3, 9, 8), At(1, 3, 4, 5, 9, 8)], new EvaluationOptions { Windows = Windows });
        return evaluator.Report([.. (names.Length == 0 ? ["counter", "chance"] : names).Select((name, i) => evaluator.Evaluate(name, i % 2 == 0 ? new Counter() : new Constant(0)))]);
    }

    [Test]
    public void ReportsComeBackFromJson()
    {
        var report = Report();
        string json = report.ToJson();
        Assert.That(EvaluationReport.FromJson(json).ToJson(), Is.EqualTo(json));
        Assert.That(json, Does.Contain("\"source\": \"by hand\"").And.Contain("\"label\": \"all\"").And.Contain("\"negatives\": 3"));
        Assert.That(report.Users, Is.EqualTo(new[] { "ann", "bob" }));
        Assert.That(report.Results[0].AucOver(report.Results[1], 2).Mean, Is.EqualTo(0.5));
        Assert.That(() => EvaluationReport.FromJson("{"), Throws.InstanceOf<InvalidDataException>());
        Assert.That(() => EvaluationReport.FromJson("null"), Throws.InstanceOf<InvalidDataException>());
        Assert.That(() => EvaluationReport.FromJson("{\"source\": 1}"), Throws.InstanceOf<InvalidDataException>());
    }

    [Test]
    public void TheChartIsWellFormedAndSaysWhatItShows()
    {
        string svg = LengthChart.ToSvg(Report("a <source> & \"more\" \u0001", "model <1>", "b", "c", "d", "e"), "Title & more");
        var root = XDocument.Parse(svg).Root!;
        XNamespace ns = "http://www.w3.org/2000/svg";
        string[] texts = [.. root.Elements(ns + "text").Select(element => element.Value)];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(root.Name, Is.EqualTo(ns + "svg"));
            Assert.That(texts, Does.Contain("Title & more").And.Contain("model <1>").And.Contain("Data: a <source> & \"more\" \uFFFD"));
            Assert.That(texts, Has.Exactly(2).EqualTo("history length (events, logarithmic)").And.Exactly(2).EqualTo("all"));
            Assert.That(texts, Has.One.StartsWith("AUC").And.One.StartsWith("NLL, nats").And.One.Contains("2 requests of 2 users, 1 positive against 3 negatives"));
            Assert.That(root.Elements(ns + "polyline").Count(), Is.EqualTo(10), "a line per scorer and panel");
            Assert.That(root.Elements(ns + "polyline").Select(line => line.Attribute("points")!.Value.Split(' ').Length), Is.All.EqualTo(3));
            Assert.That(svg, Does.Not.Contain("NaN").And.Not.Contain("∞"));
        }
    }

    [Test]
    public void ValuesAreDrawnInsideThePanels()
    {
        var root = XDocument.Parse(LengthChart.ToSvg(Report(), "t")).Root!;
        XNamespace ns = "http://www.w3.org/2000/svg";
        var points = root.Elements(ns + "polyline").SelectMany(line => line.Attribute("points")!.Value.Split(' ')).Select(point => Array.ConvertAll(point.Split(','), double.Parse)).ToList();
        Assert.That(points.Select(point => point[0]), Is.All.InRange(80, 1010));
        Assert.That(points.Select(point => point[1]), Is.All.InRange(120, 450));
        Assert.That(() => LengthChart.ToSvg(Report() with { Results = [] }, "t"), Throws.ArgumentException);
    }
}
