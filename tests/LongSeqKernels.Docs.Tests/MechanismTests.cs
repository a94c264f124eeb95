using LongSeqKernels.Docs.Tests.Checks;
using LongSeqKernels.Docs.Tests.Markdown;
using NUnit.Framework;

namespace LongSeqKernels.Docs.Tests;

/// <summary>The checks notice what they are for, and say where it is and what to do.</summary>
[TestFixture]
public sealed class MechanismTests
{
    [TestCase("csharp", "using LongSeqKernels;\n\nusing var context = null;", "docs/x.md:4: no test runs this code. The nearest, tests/LongSeqKernels.Docs.Tests.Example/Program.cs:1, says \"using var context = LongSeqContext.Create")]
    [TestCase("cuda", "__global__ void f();", "docs/x.md:4: these lines do not stand in a source file that the document links (it links none with the ending .cu or .cuh)")]
    [TestCase("sh", "lsk bench --histroy 5", "lsk refuses \"lsk bench --histroy 5\": Unrecognized command or argument '--histroy'.")]
    [TestCase("sh", "A=1 lsk verify && lsk score", "lsk refuses \"lsk score\": Required argument 'log' missing for command: 'score'.")]
    [TestCase("sh", "lsk train --form --out x", "lsk refuses \"lsk train --form --out x\": Unknown option --form.")]
    [TestCase("sh", "dotnet run -c Release --project src/LongSeqKernels.Cli -- dmeo", "Unrecognized command or argument 'dmeo'")]
    [TestCase("sh", "make install  # everywhere", "docs/x.md:4: nobody runs \"make install\". Add it to tests/LongSeqKernels.Docs.Tests/commands.tsv")]
    [TestCase("json", "{", "docs/x.md:4: it cannot be read")]
    [TestCase("xml", "<a>", "docs/x.md:4: it cannot be read")]
    [TestCase("fortran", "end", "docs/x.md:4: nothing checks the language \"fortran\". It must be one of csharp, sh")]
    [TestCase("", "end", "docs/x.md:4: nothing checks the language \"\"")]
    public void AWrongBlockIsRefused(string language, string code, string message)
    {
        Document document = Document.Parse("docs/x.md", $"# Title\n\n```{language}\n{code}\n```\n");
        Assert.That(BlockRules.Fault(document, document.Blocks.Single()), Does.Contain(message));
    }

    [Test]
    public void AnIndentedBlockIsRefusedAndAListIsNone()
    {
        Document document = Document.Parse("x.md", "- one\n\n    more of one\n\ntext\n\n    code\n");
        Assert.That(BlockRules.Fault(document, document.Blocks.Single()), Does.StartWith("x.md:7: an indented block cannot say what it is."));
    }

    [TestCase("b\nc", true)]
    [TestCase("    b\n    c", true)]
    [TestCase("a\n// ...\nd", true)]
    [TestCase("b\nd", false)]
    [TestCase("d\n// ...\na", false)]
    [TestCase("a\n  b", false)]
    public void AnExcerptStandsInItsFileInOrder(string block, bool expected) =>
        Assert.That(Excerpt.IsOf(Text.Dedent(block.Split('\n')), ["  a", "  b", "  c", "  d"]), Is.EqualTo(expected));

    [Test]
    public void CommandsArePartedAndCommentsLeftOut()
    {
        Document document = Document.Parse("x.md", "```sh\nA=1 b --c 'd e' && f \\\n  g | h   # i\n```\n");
        Assert.That(ShellLine.Read(document.Blocks.Single()).Select(line => string.Join('/', line.Words)), Is.EqualTo(["b/--c/d e", "f/g", "h"]));
    }

    [Test]
    public void LinksSpansAndAnchorsAreFound()
    {
        Document document = Document.Parse("a/x.md", "## What `it` is, and why\n\n[one](../b.md#c) `[no](link)` ![two](d.svg)\n\n```text\n[no](link)\n```\n");
        Assert.That(document.Links.Select(link => link.Target), Is.EqualTo(["../b.md#c", "d.svg"]));
        Assert.That(document.Spans.Select(span => span.Text), Is.EqualTo(["it", "[no](link)"]));
        Assert.That(document.Anchors, Is.EqualTo(["what-it-is-and-why"]));
    }

    [Test]
    public void AMentionedOptionMustExist() =>
        Assert.That(CommandRules.MentionFault(new CodeSpan("x.md", 3, "lsk train --form")), Is.EqualTo("x.md:3: \"lsk train --form\": lsk does not know \"--form\"."));
}
