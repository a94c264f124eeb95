using System.Text.RegularExpressions;
using LongSeqKernels.Docs.Tests.Markdown;
using NUnit.Framework;

namespace LongSeqKernels.Docs.Tests;

/// <summary>Names between back-ticks (types, members, functions, variables of the environment) are names of this repository's sources: who renames one is told which document says it.</summary>
[TestFixture]
public sealed partial class NameTests
{
    private static readonly string[] Sources = [".cs", ".csproj", ".props", ".targets", ".proj", ".h", ".cuh", ".cu", ".cpp", ".c", ".py", ".sh", ".cmake", ".json", ".txt", ".toml", ".map"];

    /// <summary>Names of the system.</summary>
    private static readonly string[] Foreign = ["LD_LIBRARY_PATH"];

    private static readonly Lazy<HashSet<string>> Names = new(() =>
        [.. Documents.Files.Where(file => Sources.Any(ending => file.EndsWith(ending, StringComparison.Ordinal))).SelectMany(file => Word().Matches(Documents.Read(file)).Select(match => match.Value)), .. Foreign]);

    private static IEnumerable<TestCaseData> All() => Documents.Current.Select(document => new TestCaseData(document).SetArgDisplayNames(document.File));

    [TestCaseSource(nameof(All))]
    public void AreThoseOfTheSources(object document) => Assert.That(
        ((Document)document).Spans.Where(span => Name().Match(span.Text) is { Success: true } name && Word().Matches(name.Groups["name"].Value).Any(word => !Names.Value.Contains(word.Value)))
            .Select(span => $"{span.File}:{span.Line}: no source file says {span.Text}"),
        Is.Empty);

    /// <summary>A name, perhaps of a member of another, perhaps with type arguments, arguments or a value.</summary>
    [GeneratedRegex(@"^(?<name>[A-Za-z_]\w+(\.[A-Za-z_]\w*)*)(<[\w, <>]*>)?(\(.*\))?(=.*)?$")]
    private static partial Regex Name();

    [GeneratedRegex(@"[A-Za-z_]\w*")]
    private static partial Regex Word();
}
