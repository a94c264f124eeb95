using System.Text.RegularExpressions;
using LongSeqKernels.Docs.Tests.Markdown;
using NUnit.Framework;

namespace LongSeqKernels.Docs.Tests;

/// <summary>What a document points to is there: links, their anchors, and paths between back-ticks.</summary>
[TestFixture]
public sealed partial class LinkTests
{
    private static IEnumerable<TestCaseData> Links() =>
        Documents.All.SelectMany(document => document.Links.Select(link => new TestCaseData(document, link.Target).SetArgDisplayNames($"{link.File}:{link.Line} {link.Target}")));

    private static IEnumerable<TestCaseData> Paths() =>
        Documents.Current.SelectMany(document => document.Spans.Where(span => RepositoryPath().IsMatch(span.Text))
            .Select(span => new TestCaseData(document, span.Text).SetArgDisplayNames($"{span.File}:{span.Line} {span.Text}")));

    [TestCaseSource(nameof(Links))]
    public void LeadsSomewhere(object document, string target)
    {
        var from = (Document)document;
        Assert.That(target, Does.Not.Contain("://"), "documents stand alone: they link files of the repository and name papers by their arXiv number");
        string[] parts = target.Split('#');
        string file = parts[0].Length == 0 ? from.File : Documents.Join(from.Folder, parts[0]);
        Assert.That(Documents.Exists(file), Is.True, $"there is no {file}");
        if (parts.Length > 1)
        {
            Assert.That(Documents.All.Single(other => other.File == file).Anchors, Does.Contain(parts[1]));
        }
    }

    [TestCaseSource(nameof(Paths))]
    public void Exists(object document, string path) =>
        Assert.That(Documents.Resolve(((Document)document).Folder, path), Is.Not.Null, "there is no such file or folder, neither from the document nor from the root");

    /// <summary>Paths from the root. Names with a place to fill in, and what a build makes, are none.</summary>
    [GeneratedRegex(@"^(src|native|tests|bench|bindings|cmake)/[\w./-]+$")]
    private static partial Regex RepositoryPath();
}
