using System.Text.RegularExpressions;
using NUnit.Framework;

namespace LongSeqKernels.Packages.Tests;

/// <summary>What the README of a package shows runs in a fresh project that references that package and nothing else.</summary>
[Parallelizable(ParallelScope.All)]
public sealed partial class ReadmeTests
{
    [TestCase("LongSeqKernels", "360 targets attended to 10700 events")]
    [TestCase("LongSeqKernels.Models", "best of 4 candidates: item")]
    [TestCase("LongSeqKernels.Serving", "4 candidates scored")]
    public void TheProgramInTheReadmeRuns(string id, string says)
    {
        using PackageFile package = Feed.Open(id);
        string[] blocks = [.. CSharpBlock().Matches(package.Text("README.md")).Select(match => match.Groups["code"].Value)];
        Assert.That(blocks, Is.Not.Empty, $"the README of {id} shows no C#");

        var project = new FreshProject(id + ".Readme", string.Join('\n', blocks), "<TreatWarningsAsErrors>true</TreatWarningsAsErrors>", (id, Feed.Version));
        project.Build().Expected();

        Assert.That(project.Start().Expected(), Does.Contain(says));
    }

    [GeneratedRegex(@"^```csharp\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CSharpBlock();
}
