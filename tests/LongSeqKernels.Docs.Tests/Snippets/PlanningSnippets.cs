using LongSeqKernels.Docs.Tests.Markdown;
using NUnit.Framework;
using static LongSeqKernels.Tests.Samples;

namespace LongSeqKernels.Docs.Tests.Snippets;

/// <summary>Planning/README.md: the choice, both forms, what is said of them.</summary>
[TestFixture]
public sealed class PlanningSnippets
{
    private const string Readme = "src/LongSeqKernels/Planning/README.md";
    private readonly LongSeqContext _context = LongSeqContext.Create(Backend.Managed);

    [OneTimeTearDown]
    public void Dispose() => _context.Dispose();

    [TestCase(300, AttentionFormulation.Projected)]
    [TestCase(12, AttentionFormulation.Absorbed)]
    public void TheChooserSaysWhatTheDocumentShows(int count, AttentionFormulation expected)
    {
        JaggedLayout targets = JaggedLayout.FromLengths(count), history = JaggedLayout.FromLengths(10_000);

        // <example>
        var problem = new FormulationProblem { Targets = targets, History = history, ModelWidth = 256, Heads = 4 };
        FormulationChoice choice = FormulationChooser.Choose(problem, new MachineRates(FlopsPerSecond: 400e9, ReadBytesPerSecond: 30e9));
        Console.WriteLine(choice.Explain());
        // </example>

        Assert.That(choice.Formulation, Is.EqualTo(expected));
        Assert.That(Documents.Read(Readme), Does.Contain($"\n{choice.Explain()}\n"));
    }

    [TestCase(128, 8, 18)]
    [TestCase(256, 4, 85)]
    [TestCase(512, 8, 73)]
    [TestCase(1024, 16, 68)]
    public void TheTableOfBreakEvensIsRight(int width, int heads, int targets)
    {
        Assert.That(Math.Round(width / (heads - 1.0)), Is.EqualTo(targets));
        Assert.That(Documents.Read(Readme), Does.Contain($"\n| {width} | {heads} | {targets} |\n"));
    }

    [Test]
    public void OneHeadIsNeverWorthProjecting()
    {
        var problem = new FormulationProblem { Targets = JaggedLayout.FromLengths(10_000), History = JaggedLayout.FromLengths(10_000), ModelWidth = 64, Heads = 1 };
        Assert.That(FormulationChooser.Choose(problem, new MachineRates(400e9, 30e9)).Formulation, Is.EqualTo(AttentionFormulation.Absorbed));
    }

    [Test]
    public void BothFormsGiveTheSame()
    {
        JaggedLayout history = JaggedLayout.FromLengths(20, 0, 7), targets = JaggedLayout.FromLengths(3, 1, 2);
        const int width = 16, heads = 2, head = width / heads;
        float[] rows = Normal(1, history.Total * width), queries = Normal(2, targets.Total * width), keyWeight = Normal(3, width * width), valueWeight = Normal(4, width * width);

        float[] projected = Run(AttentionFormulation.Projected, Product(rows, keyWeight), Product(rows, valueWeight), queries);

        // u of a head is its query times the transposed columns of W_K that are the head's; its o is its z times the head's columns of W_V.
        var absorbedQueries = new float[targets.Total * heads * width];
        for (int i = 0; i < absorbedQueries.Length; i++)
        {
            (int row, int column) = (i / width, i % width);
            for (int k = 0; k < head; k++)
            {
                absorbedQueries[i] += queries[(row * head) + k] * keyWeight[(column * width) + (row % heads * head) + k];
            }
        }
        float[] read = Run(AttentionFormulation.Absorbed, rows, [], absorbedQueries);
        for (int i = 0; i < projected.Length; i++)
        {
            (int row, int column) = (i / head, (i / head % heads * head) + (i % head));
            double expected = Enumerable.Range(0, width).Sum(k => (double)read[(row * width) + k] * valueWeight[(k * width) + column]);
            Assert.That(projected[i], Is.EqualTo(expected).Within(1e-4));
        }

        float[] Run(AttentionFormulation formulation, float[] keys, float[] values, float[] asked)
        {
            LongSeqContext context = _context;
            FormulationChoice choice = FormulationChooser.Choose(
                new FormulationProblem { Targets = targets, History = history, ModelWidth = width, Heads = heads, Pinned = formulation }, new MachineRates(400e9, 30e9));

            // <example>
            CrossAttentionPlan plan = choice.Formulation == AttentionFormulation.Projected
                ? CrossAttention.Plan(context, new CrossAttentionShape { History = history, Targets = targets, Heads = heads, HeadWidth = width / heads })
                : CrossAttention.Plan(
                    context,
                    new CrossAttentionShape { History = history, Targets = targets, Heads = heads, HeadWidth = width, Form = HistoryForm.Shared },
                    new CrossAttentionOptions { Scale = 1 / MathF.Sqrt((float)width / heads) });
            // </example>

            var output = new float[asked.Length];
            CrossAttention.Forward<float>(plan, asked, keys, values, output);
            return output;
        }

        float[] Product(float[] left, float[] weight)
        {
            var product = new float[left.Length];
            Linear.Forward<float>(_context, new LinearShape(left.Length / width, width, width), left, weight, default, product);
            return product;
        }
    }

    [Test]
    public void APlanSaysWhichKernelRuns()
    {
        LongSeqContext context = _context;
        JaggedLayout targets = JaggedLayout.FromLengths(300), history = JaggedLayout.FromLengths(10_000);

        // <example>
        CrossAttentionPlan plan = CrossAttention.Plan(context, new CrossAttentionShape { History = history, Targets = targets, Heads = 4, HeadWidth = 64 });
        Console.WriteLine(plan.Explain());
        // </example>

        Assert.That(plan.Explain(), Does.StartWith("managed, rows as lanes").And.Contain("workspace"));
    }
}
