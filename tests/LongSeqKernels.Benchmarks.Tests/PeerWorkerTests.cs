using System.Text.Json;

namespace LongSeqKernels.Benchmarks.Tests;

[TestFixture]
public sealed class PeerWorkerTests
{
    private const string Setup = "setup op=cross-attention direction=forward dtype=fp32 threads=1 targets=3 heads=2 width=8 length=50";

    private static string[] Answers(params string[] lines)
    {
        var output = new StringWriter();
        PeerWorker.Serve(new StringReader(string.Join('\n', lines)), output);
        return output.ToString().TrimEnd().Split('\n');
    }

    [Test]
    public void ACaseIsSetUpDescribedTimedAndChecked()
    {
        string[] answers = Answers(Setup, "work", "go 3", "check", "quit", "go 1");
        Assert.That(answers, Has.Length.EqualTo(4));
        Assert.That(answers[0], Is.EqualTo("ok"));
        using var work = JsonDocument.Parse(answers[1]);
        Assert.That(work.RootElement.GetProperty("flops").GetDouble(), Is.EqualTo(4 * 3 * 16 * 50));
        Assert.That(work.RootElement.GetProperty("shape").GetString(), Is.EqualTo("3 targets, 50 events, 2 heads of 8"));
        Assert.That(answers[2].TrimEnd().Split(' '), Has.Length.EqualTo(3).And.All.Matches<string>(pair => pair!.Split(',').All(seconds => double.Parse(seconds) >= 0)));
        Assert.That(answers[3].Split(' ').Select(double.Parse), Has.Exactly(5).Items.And.All.Matches<double>(double.IsFinite));
    }

    [Test]
    public void TheRooflineIsToldInThreads()
    {
        using var roofline = JsonDocument.Parse(Answers("roofline 1")[0]);
        Assert.That(roofline.RootElement.GetProperty("threads").GetInt32(), Is.EqualTo(1));
        Assert.That(roofline.RootElement.GetProperty("flops_per_second").GetDouble(), Is.Positive);
    }

    [TestCase("go 1", "err There is no case yet: setup comes first.")]
    [TestCase("dance", "err \"dance\" is not a command; it must be setup, work, go, check, roofline or quit.")]
    [TestCase("setup op=cross-attention direction=forward", "err dtype=<value> is missing.")]
    [TestCase("setup op=convolution direction=forward dtype=fp32", "err The operation is \"convolution\"; it must be one of cross-attention, ")]
    [TestCase("setup op=cross-attention direction=forward dtype=fp64", "err dtype is \"fp64\"; it must be fp32, bf16 or fp16.")]
    [TestCase("setup op=merge-states direction=forward dtype=bf16", "err merge-states has no forward in bf16.")]
    [TestCase("setup op=summary-encode direction=backward dtype=fp32", "err summary-encode has no backward in fp32.")]
    public void WhatCannotBeDoneIsSaidInOneLine(string line, string answer) => Assert.That(Answers(line, Setup), Is.EqualTo((string[])[Answers(line)[0], "ok"]).And.ItemAt(0).StartsWith(answer));
}
