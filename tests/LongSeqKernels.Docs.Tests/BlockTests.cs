using LongSeqKernels.Docs.Tests.Checks;
using LongSeqKernels.Docs.Tests.Markdown;
using NUnit.Framework;

namespace LongSeqKernels.Docs.Tests;

/// <summary>Every code block of every Markdown file is code that a test runs, or quotes code that one does.</summary>
[TestFixture]
public sealed class BlockTests
{
    private static IEnumerable<TestCaseData> Blocks() =>
        Documents.Current.SelectMany(document => document.Blocks.Select(block => new TestCaseData(document, block).SetArgDisplayNames(block.ToString())));

    [TestCaseSource(nameof(Blocks))]
    public void IsCodeThatATestRuns(object document, object block)
    {
        if (BlockRules.Fault((Document)document, (CodeBlock)block) is { } fault)
        {
            Assert.Fail(fault);
        }
    }

    [Test]
    public void EverySnippetIsShown()
    {
        string[][] shown = [.. Documents.Current.SelectMany(document => document.Blocks).Select(block => block.Lines.ToArray())];
        Assert.That(SnippetRegion.All.Where(snippet => !shown.Any(block => block.SequenceEqual(snippet.Lines))).Select(snippet => snippet.ToString()), Is.Empty);
    }
}
