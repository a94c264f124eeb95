using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class RealDataEvaluationTests
{
    [Test]
    public void BaselinesOnGitlongGiveThePublishedNumbers()
    {
        var log = RealData.ImportGitlong().Log;
        var maker = new RequestMaker(log, new RequestProtocol());
        var requests = TestRequests.Draw(maker, 80, 1);
        var windows = new EvaluationOptions().Windows;
        var evaluator = new LengthEvaluator(maker, requests);
        var training = TestRequests.Draw(maker, 80, 2, LogPart.Train);
        var popularity = evaluator.Evaluate("popularity", PopularityBaseline.Fit(training), BatchContent.Popularity);
        var logit = LogitBaseline.Fit(maker, training, windows);
        var result = evaluator.Evaluate("logit on hand-made features", logit.ForWindow, BatchContent.Popularity);
        var report = evaluator.Report(popularity, result);
        foreach (var window in result.Windows)
        {
            TestContext.Out.WriteLine($"{window.Label,6} AUC {window.Auc.Mean:F4} +- {window.Auc.Error:F4} NLL {window.Nll.Mean:F4} MRR {window.Mrr.Mean:F4} HR@10 {window.HitRate10.Mean:F4} over k=10 {window.AucGain.Mean:F4} +- {window.AucGain.Error:F4}");
        }
        TestContext.Out.WriteLine($"popularity {popularity.Windows[0].Auc.Mean:F4}");
        // .685 and .804 were measured with another random draw of positions and negatives: a few standard errors of that draw are allowed.
        Assert.That(report.Users, Has.Count.InRange(80, 90));
        Assert.That(popularity.Windows[^1].Auc.Mean, Is.EqualTo(0.685).Within(0.02));
        Assert.That(result.Windows[^1].Auc.Mean, Is.EqualTo(0.804).Within(0.02));
        Assert.That(result.Windows[^1].AucGain.Mean, Is.GreaterThan(5 * result.Windows[^1].AucGain.Error), "a longer history helps");
        string? output = Environment.GetEnvironmentVariable("LONGSEQ_CHART");
        if (!string.IsNullOrEmpty(output))
        {
            AtomicFile.WriteText(output, LengthChart.ToSvg(report, "gitlong: ranking by history length"));
        }
    }
}
