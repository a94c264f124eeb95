using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>The README's example, compiled and run here: the text between the marks stands in the README word for word.</summary>
public sealed class ReadmeExampleTests
{
    [Test]
    public void TheExampleRuns()
    {
        // <example>
        using var context = LongSeqContext.Create(Backend.Auto);            // the fastest backend of this machine
        Console.WriteLine(context.Explain());                               // which one, on what, and why

        JaggedLayout history = JaggedLayout.FromLengths(10_000, 700, 0);    // three users; the last one is new
        JaggedLayout targets = JaggedLayout.FromLengths(300, 50, 10);       // the candidates of each user's request
        CrossAttentionPlan plan = CrossAttention.Plan(context, new CrossAttentionShape
        {
            History = history,
            Targets = targets,
            Heads = 4,
            HeadWidth = 32,
        });

        var keys = new float[history.Total * 4 * 32];                       // [L, H, dh], user after user, no padding
        var values = new float[history.Total * 4 * 32];
        var queries = new float[targets.Total * 4 * 32];                    // [T, H, dh]
        Load(keys, values, queries);                                        // your model's projections

        var output = new float[queries.Length];
        var logSumExp = new float[targets.Total * 4];
        CrossAttention.Forward<float>(plan, queries, keys, values, output, logSumExp);
        // </example>

        Assert.Multiple(() =>
        {
            Assert.That(output.AsSpan(0, 350 * 128).ToArray(), Has.All.Not.NaN);
            Assert.That(output.AsSpan(350 * 128).ToArray(), Has.All.Zero, "no history, no output");
            Assert.That(logSumExp[^1], Is.EqualTo(float.NegativeInfinity));
        });
    }

    [Test]
    public void TheReadmeShowsIt()
    {
        string[] source = File.ReadAllLines(Path.Combine(Root(), "tests", "LongSeqKernels.Tests", "ReadmeExampleTests.cs"));
        int start = Array.FindIndex(source, line => line.Trim() == "// <example>") + 1;
        int end = Array.FindIndex(source, line => line.Trim() == "// </example>");
        string example = string.Join('\n', source[start..end].Select(line => line.Length > 8 ? line[8..] : ""));

        Assert.That(File.ReadAllText(Path.Combine(Root(), "README.md")).ReplaceLineEndings("\n"), Does.Contain(example));
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "LongSeqKernels.sln")))
        {
            folder = folder.Parent;
        }
        return folder.FullName;
    }

    private static void Load(params ReadOnlySpan<float[]> tensors)
    {
        var random = new Random(1);
        foreach (float[] values in tensors)
        {
            for (int i = 0; i < values.Length; i++)
            {
                values[i] = (2 * random.NextSingle()) - 1;
            }
        }
    }
}
