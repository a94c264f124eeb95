using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class SyntheticLogTests
{
    [Test]
    public void TheSameSeedGivesTheSameLog()
    {
        var options = new SyntheticLogOptions { Users = 5, EventsPerUser = 300 };
        var log = SyntheticLog.Generate(options);
        LogAssert.AreEqual(SyntheticLog.Generate(options), log);
        Assert.That(SyntheticLog.Generate(options with { Seed = 2 }).Items.Span.SequenceEqual(log.Items.Span), Is.False);
        Assert.That(log.Source, Does.StartWith("generated"));
    }

    [Test]
    public void ALongerWindowFindsWhatAShorterOneCannot()
    {
        var log = SyntheticLog.Generate(new SyntheticLogOptions { Users = 40, EventsPerUser = 2500 });
        var maker = new RequestMaker(log, new RequestProtocol { MinHistory = 1000, MinTestUserEvents = 1500, TrainMinHistory = 1000 });
        var windows = new[] { 10, 100, 1000 };
        var logit = LogitBaseline.Fit(maker, TestRequests.Draw(maker, 20, 1, LogPart.Train), windows);
        var evaluator = new LengthEvaluator(maker, TestRequests.Draw(maker, 20, 1), new EvaluationOptions { Windows = windows });
        var result = evaluator.Evaluate("logit", logit.ForWindow, BatchContent.Popularity);
        TestContext.Out.WriteLine(string.Join(' ', result.Windows.Select(window => $"{window.Label}: {window.Auc.Mean:F3} +- {window.Auc.Error:F3}")));
        Assert.That(result.Windows[1].Auc.Mean - result.Windows[0].Auc.Mean, Is.GreaterThan(0.02));
        Assert.That(result.Windows[2].Auc.Mean - result.Windows[1].Auc.Mean, Is.GreaterThan(0.02));
    }

    [Test]
    public void WrongOptionsAreRefused()
    {
        void Refused(SyntheticLogOptions options) => Assert.That(() => SyntheticLog.Generate(options), Throws.InstanceOf<ArgumentException>());
        Refused(new SyntheticLogOptions { Users = 0 });
        Refused(new SyntheticLogOptions { EventsPerUser = 0 });
        Refused(new SyntheticLogOptions { InterestsPerUser = 300 });
        Refused(new SyntheticLogOptions { Noise = double.NaN });
        Refused(new SyntheticLogOptions { SessionEvents = 0 });
        Refused(new SyntheticLogOptions { Users = 1 << 20, EventsPerUser = 1 << 20 });
    }
}
