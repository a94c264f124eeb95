using System.Xml.Linq;
using LongSeqKernels.Tests;

namespace LongSeqKernels.Benchmarks.Tests;

[TestFixture]
public sealed class ReportTests
{
    private const string Result =
        """
        {"machine": {"date": "2030-01-02", "cpu": "Some CPU", "cores": 4, "commit": "abc1234", "system": "Linux", "load_before": 3.0, "load_after": 4.0, "others": 0.5},
         "rooflines": {"4": {"threads": 4, "flops_per_second": 1e12, "reads": [{"bytes": 1048576, "bytes_per_second": 4e11}, {"bytes": 100663296, "bytes_per_second": 5e10}]}},
         "rows": [
          {"case": {"name": "fast & right", "bar": 1.5, "against": ["torch"], "op": "cross-attention", "direction": "forward", "dtype": "fp32", "heads": 4, "width": 64, "threads": 4, "length": 1000},
           "seconds": {"ours": 0.001, "torch rows": 0.003, "torch heads": 0.002, "onednn": 0.0015}, "errors": {}, "agree": true, "work": {"flops": 8e8, "bytes": 2e6, "shape": "16 targets, 1,000 events"},
           "best_peer": "onednn", "ratio": 1.5, "ratio_low": 1.4, "ratio_high": 1.6},
          {"case": {"name": "fast & right", "bar": 1.5, "against": ["torch"], "op": "cross-attention", "direction": "forward", "dtype": "fp32", "heads": 4, "width": 64, "threads": 4, "length": 10000},
           "seconds": {"ours": 0.02, "torch rows": 0.01}, "errors": {}, "agree": false, "work": {"flops": 8e9, "bytes": 2e8, "shape": "16 targets, 10,000 events"},
           "best_peer": "torch rows", "ratio": 0.5, "ratio_low": 0.45, "ratio_high": 0.55},
          {"case": {"name": "alone", "bar": null, "against": [], "op": "layer-norm", "direction": "backward", "dtype": "bf16", "heads": 1, "width": 128, "threads": 4, "length": 10000},
           "seconds": {"ours": 0.001}, "errors": {"torch blas": "err no such thing"}, "agree": true, "work": {"flops": 1e7, "bytes": 2e7, "shape": "10,000 rows of 128"}},
          {"case": {"name": "broken", "bar": 2.0, "against": ["torch"], "op": "linear", "direction": "forward", "dtype": "fp32", "heads": 1, "width": 128, "threads": 4, "length": 10000},
           "seconds": {"torch blas": 0.001}, "errors": {"ours": "err out of luck"}, "agree": true}]}
        """;

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("longseq-report-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    private string Kept(string text)
    {
        string path = Path.Combine(_folder, "run.json");
        File.WriteAllText(path, text);
        return path;
    }

    private static XDocument Chart(string folder, string name) => XDocument.Load(Path.Combine(folder, name));

    private static List<string> Texts(XDocument chart) => [.. chart.Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value)];

    [Test]
    public void TheTableSaysAtAGlanceAndCaseByCase()
    {
        Assert.That(ReportCommand.Run([Kept(Result)], TextWriter.Null), Is.Zero);
        string report = File.ReadAllText(Path.Combine(_folder, "run.md"));
        Assert.That(report, Does.Contain("Some CPU, 4 cores, 2030-01-02, commit abc1234; load average 3.0 before and 4.0 after, others used 50 % of the processors: a busy machine"));
        // The fastest form of PyTorch counts: 2.0 and 0.5, which is 1.0 in the geometric mean. 0.8 ms of 1 and 8 ms of 20 at the flat roof.
        Assert.That(report, Does.Contain("| cross attention | forward | 2 | 40 % - 80 % | 0.500 - 2.00 | 1.00 |"));
        Assert.That(report, Does.Contain("| layer norm | backward | 1 |").And.Contain("| alone | 10,000 rows of 128 | bf16 | 4 | 1.00 ms | 10.0 | 20.0 | memory |"));
        Assert.That(report, Does.Contain("| onednn | 1.50 ms | 1.50 (1.40 - 1.60) | 1.5 |"));
        Assert.That(report, Does.Contain("| torch rows | 10.0 ms | 0.50 (0.45 - 0.55), wrong | 1.5 |"));
        Assert.That(report, Does.Contain("| broken |  | fp32 | 4 | failed: err out of luck |"));
        Assert.That(report, Does.Contain("none ran"));
        foreach (string chart in new[] { "roofline", "ratios", "lengths" })
        {
            Assert.That(report, Does.Contain($"(run-{chart}.svg)"));
        }
    }

    [Test]
    public void ChartsNameWhatTheyShow()
    {
        ComparisonReport.Write(Kept(Result));
        Assert.That(Texts(Chart(_folder, "run-roofline.svg")), Is.SupersetOf((string[])["fast & right, 1,000", "fast & right, 10,000", "alone, 10,000", "80 %", "40 %"]));
        Assert.That(Texts(Chart(_folder, "run-roofline.svg")), Has.None.Contains("broken"));
        Assert.That(Texts(Chart(_folder, "run-ratios.svg")), Is.SupersetOf((string[])["fast & right, 1,000", "1.50 x onednn", "0.500 x torch rows, wrong", "1"]));
        List<string> lengths = Texts(Chart(_folder, "run-lengths.svg"));
        Assert.That(lengths, Is.SupersetOf((string[])["fast & right", "ours", "torch rows", "torch heads", "onednn", "1,000", "10,000"]));
        Assert.That(lengths, Has.None.EqualTo("alone"), "one length makes no line");
    }

    [Test]
    public void ARunWithoutPeersHasAReport()
    {
        const string Alone = """{"case": {"name": "alone", "bar": null, "op": "linear", "direction": "forward", "dtype": "fp32", "threads": 4, "length": 10}, "seconds": {"ours": 0.001}, "errors": {}, "agree": true, "work": {"flops": 1e7, "bytes": 2e7, "shape": "rows"}}""";
        ComparisonReport.Write(Kept(Result[..Result.IndexOf("\"rows\"", StringComparison.Ordinal)] + $"\"rows\": [{Alone}]}}"));
        Assert.That(Texts(Chart(_folder, "run-ratios.svg")), Has.Member("No case ran beside a peer."));
    }

    [TestCase("not json", "is not a result of bench/peers/compare.py")]
    [TestCase("{}", "is not a result of bench/peers/compare.py")]
    [TestCase("""{"machine": {"date": "x", "cpu": "y", "cores": 1, "commit": "z", "load_before": 0, "load_after": 0, "others": 0}, "rooflines": {}, "rows": [{"case": {"name": "one", "op": "linear", "bar": null, "direction": "forward", "dtype": "fp32", "threads": 3, "length": 1}, "seconds": {}, "errors": {}, "agree": true}]}""", "it has no roofline of 3 threads, which \"one\" ran with")]
    public void WhatIsNoResultIsSaidToBeNone(string text, string message)
    {
        var errors = new StringWriter();
        Assert.That(ReportCommand.Run([Kept(text)], errors), Is.EqualTo(1));
        Assert.That(errors.ToString(), Does.Contain(message).And.Contain("run.json"));
        Assert.That(Directory.GetFiles(_folder), Has.Length.EqualTo(1));
    }

    [Test]
    public void AMissingResultIsNamed()
    {
        var errors = new StringWriter();
        Assert.That(ReportCommand.Run([Path.Combine(_folder, "missing.json")], errors), Is.EqualTo(1));
        Assert.That(errors.ToString(), Does.Contain("missing.json"));
        Assert.That(ReportCommand.Run([], errors), Is.EqualTo(2));
    }

    /// <summary>What is committed is what the program makes of the committed results.</summary>
    [Test]
    public void CommittedReportsAreThoseOfTheirResults()
    {
        string[] results = Directory.GetFiles(Path.Combine(RepositoryRoot.Path!, "bench/results"), "*-peers.json");
        Assert.That(results, Is.Not.Empty);
        foreach (string result in results)
        {
            string prefix = result[..^".json".Length];
            foreach ((string suffix, string text) in ComparisonReport.Files(Comparison.Read(result), Path.GetFileName(prefix)))
            {
                Assert.That(File.ReadAllText(prefix + suffix), Is.EqualTo(text), $"run LongSeqKernels.Benchmarks report {result}");
            }
        }
    }
}
