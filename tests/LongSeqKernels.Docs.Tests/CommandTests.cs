using LongSeqKernels.Cli.Tests;
using LongSeqKernels.Docs.Tests.Checks;
using LongSeqKernels.Docs.Tests.Markdown;
using NUnit.Framework;

namespace LongSeqKernels.Docs.Tests;

/// <summary>The commands of the documents: understood, listed with who runs them, and run here where they need nothing and take no time.</summary>
[TestFixture]
public sealed class CommandTests
{
    private static readonly string[] Cheap = ["info", "verify", "--help", "--version"];
    private static readonly string[] NeedsAGpu = ["native", "ilgpu"];

    private static IEnumerable<ShellLine> Lines() =>
        Documents.Current.SelectMany(document => document.Blocks).Where(block => block.Language == "sh").SelectMany(ShellLine.Read);

    private static IEnumerable<string> CheapLines() =>
        Lines().Select(CommandRules.LskArguments).OfType<string[]>().Where(words => words.Any(Cheap.Contains) && !words.Any(NeedsAGpu.Contains)).Select(words => string.Join(' ', words)).Distinct();

    private static IEnumerable<TestCaseData> Mentions() =>
        Documents.Current.SelectMany(document => document.Spans)
            .Where(span => span.Text.StartsWith("lsk ", StringComparison.Ordinal) && span.Text.IndexOfAny(['<', '|', '*']) < 0)
            .Select(span => new TestCaseData(span).SetArgDisplayNames($"{span.File}:{span.Line} {span.Text}"));

    [TestCaseSource(nameof(CheapLines))]
    public void Runs(string arguments)
    {
        LskRun run = LskProcess.Run(Path.GetTempPath(), arguments.Split(' '));
        Assert.That(run.ExitCode, Is.Zero, run.ToString());
    }

    [TestCaseSource(nameof(Mentions))]
    public void MentionedCommandsAndOptionsExist(object span) => Assert.That(CommandRules.MentionFault((CodeSpan)span), Is.Null);

    [TestCaseSource(typeof(CommandTable), nameof(CommandTable.All))]
    public void AListedCommandIsShownAndRunWhereTheTableSays(object listed)
    {
        (string command, string place, string evidence) = (ListedCommand)listed;
        Assert.That(Lines().Select(line => line.Text), Does.Contain(command), $"{CommandTable.File} lists a command that no document shows");
        Assert.That(Documents.Files.Append(".ci/run"), Does.Contain(place));
        if (evidence != CommandTable.ByHand)
        {
            Assert.That(Documents.Read(place), Does.Contain(evidence));
        }
    }
}
