using System.Text.RegularExpressions;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>The messages of Native/TROUBLESHOOTING.md: each stands in a block of its own, behind a comment that names it.</summary>
internal static partial class Troubleshooting
{
    private static readonly Lazy<IReadOnlyDictionary<string, string>> Messages = new(() =>
        Block().Matches(Document).ToDictionary(block => block.Groups[1].Value, block => block.Groups[2].Value.Trim().ReplaceLineEndings(" ")));

    /// <summary>The page's tags, in its order.</summary>
    public static IEnumerable<string> Tags => Messages.Value.Keys;

    private static string Document => Repository.Read("src/LongSeqKernels/Native/TROUBLESHOOTING.md");

    /// <summary>Asserts that a message is the one of the page.</summary>
    /// <param name="tag">Its tag there.</param>
    /// <param name="message">What was said.</param>
    /// <param name="placeholders">What differs from machine to machine, with its name on the page.</param>
    public static void AssertSays(string tag, string message, params ReadOnlySpan<(string Actual, string Placeholder)> placeholders)
    {
        foreach ((string actual, string placeholder) in placeholders)
        {
            message = message.Replace(actual, placeholder, StringComparison.Ordinal);
        }
        Assert.That(message, Is.EqualTo(Messages.Value.GetValueOrDefault(tag)), $"TROUBLESHOOTING.md: {tag}");
    }

    [GeneratedRegex("^<!-- ([a-z0-9-]+) -->\n```text\n(.*?)\n```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block();
}

/// <summary>The page itself.</summary>
public sealed class TroubleshootingTests
{
    [Test]
    public void EveryMessageOfThePageIsTested()
    {
        if (RepositoryRoot.Path is not { } root)
        {
            Assert.Ignore("NOT RUN: the tests do not run inside the repository.");
            return;
        }
        string tests = string.Concat(Directory.EnumerateFiles(Path.Combine(root, "tests", "LongSeqKernels.Bindings.Tests"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal)).Select(File.ReadAllText));

        Assert.That(Troubleshooting.Tags, Is.Not.Empty);
        Assert.That(Troubleshooting.Tags.Where(tag => !tests.Contains($"AssertSays(\"{tag}\"", StringComparison.Ordinal)), Is.Empty);
    }
}
