using FsCheck;
using FsCheck.Fluent;

namespace LongSeqKernels.Cli.Tests;

/// <summary>Numbers, progress and suggestions as people read them.</summary>
[TestFixture]
public sealed class TextTests
{
    private static readonly Config SameCasesEveryTime = Config.QuickThrowOnFailure.WithMaxTest(10_000).WithQuietOnSuccess(true).WithReplay(20_251_121UL, 7_919UL);

    [TestCase(0.0, "0")]
    [TestCase(0.00012, "1.2e-4")]
    [TestCase(0.25, "0.250")]
    [TestCase(3.14159, "3.14")]
    [TestCase(99.96, "100")]
    [TestCase(12345.6, "12,346")]
    [TestCase(2_400_000, "2.40 M")]
    [TestCase(-0.5, "-0.500")]
    public void ThreeSignificantDigits(double value, string text) => Assert.That(Format.Significant(value), Is.EqualTo(text));

    [TestCase(0L, "0 B")]
    [TestCase(1023L, "1023 B")]
    [TestCase(1536L, "1.5 KiB")]
    [TestCase(25276510208L, "23.5 GiB")]
    public void Bytes(long value, string text) => Assert.That(Format.Bytes(value), Is.EqualTo(text));

    [TestCase(0.4, "0s")]
    [TestCase(59.6, "1m00s")]
    [TestCase(185, "3m05s")]
    [TestCase(7800, "2h10m")]
    public void Durations(double seconds, string text) => Assert.That(Format.Duration(TimeSpan.FromSeconds(seconds)), Is.EqualTo(text));

    [TestCase(2.5e-6, "2.50 us")]
    [TestCase(0.0417, "41.7 ms")]
    [TestCase(2.3, "2.30 s")]
    public void MeasuredTimes(double seconds, string text) => Assert.That(Format.Time(seconds), Is.EqualTo(text));

    [Test]
    public void ProgressOfUnknownLengthHasACountAndNoEnd()
    {
        var meter = new ProgressMeter(0, 0, "rows");
        meter.Report(1234, "");
        Assert.That(meter.Line("Importing"), Does.StartWith("Importing: 1,234 rows").And.Not.Contain("left"));
    }

    [Test]
    public void ResumedWorkDoesNotCountWhatWasDoneBefore()
    {
        var meter = new ProgressMeter(100, 90, "steps");
        meter.Report(90, "");
        Assert.That(meter.RateAndRemaining(), Is.Empty);
        meter.Report(100, "loss 1");
        Assert.That(meter.Line("Training"), Does.StartWith("Training: 100 of 100 steps, loss 1, ").And.Contain("took"));
    }

    [Test]
    public void NearestNamesComeFirstAndFarOnesNotAtAll()
    {
        string[] known = ["train", "trains", "score", "brain"];
        Assert.That(Suggestions.Nearest("trian", known, 3), Is.EqualTo(["train"]));
        Assert.That(Suggestions.Nearest("rain", known, 3), Is.EqualTo(["brain", "train", "trains"]));
        Assert.That(Suggestions.Nearest("zzzzz", known, 3), Is.Empty);
    }

    [Test]
    public void EditDistanceIsADistance() => Prop.ForAll<NonNull<string>, NonNull<string>>((left, right) =>
    {
        int distance = Suggestions.Distance(left.Get, right.Get);
        return distance == Suggestions.Distance(right.Get, left.Get)
            && distance >= Math.Abs(left.Get.Length - right.Get.Length)
            && distance <= Math.Max(left.Get.Length, right.Get.Length)
            && Suggestions.Distance(left.Get, left.Get) == 0;
    }).Check(SameCasesEveryTime);

    [Test]
    public void AnyTextIsAWindowListThatGrowsOrNone() => Prop.ForAll<NonNull<string>>(text =>
    {
        // Letters of window lists only: other texts are refused at once.
        string list = new([.. text.Get.Select(letter => "0123456789,,al"[letter % 14])]);
        return WindowList.Parse(list) is not { } windows || (windows.Values.Length > 0 && windows.Values.Zip(windows.Values.Skip(1)).All(pair => pair.First < pair.Second));
    }).Check(SameCasesEveryTime);

    [TestCase("10,100,all")]
    [TestCase("7")]
    public void WindowListsReadBackAsTheyAreWritten(string text) => Assert.That(WindowList.Parse(text)!.ToString(), Is.EqualTo(text));
}
