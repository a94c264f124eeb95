using System.Globalization;
using LongSeqKernels.Cli;

namespace LongSeqKernels.Benchmarks;

/// <summary><c>accuracy</c>: the error of long sums. Every attention against the fp64 reference on the same inputs, by history length, as a Markdown table.</summary>
internal static class AccuracyCommand
{
    private static readonly int[] Lengths = [1_000, 10_000, 100_000, 1_000_000];
    private static readonly string[] Operations = ["cross-attention", "shared-history", "summary-pooling", "linear-attention-state"];

    /// <summary>Writes the table.</summary>
    public static void Run(TextWriter output)
    {
        var table = new ResultTable(["operation", "type", .. Lengths.Select(length => $">{Format.Count(length)} events")]);
        foreach (string name in Operations)
        {
            foreach (ElementType type in Enum.GetValues<ElementType>())
            {
                table.Row([name.Replace('-', ' '), TypeName(type), .. Lengths.Select(length => Error(BenchCatalogue.Find(name), length, type).ToString("0.0e+0", CultureInfo.InvariantCulture))]);
            }
        }
        output.Write(table.ToMarkdown());
        output.WriteLine();
        output.WriteLine("Relative L2 error of the managed backend against fp64 on the same (rounded) inputs: 16 targets or seeds, one head of 32, inputs of unit variance. Outputs are rounded to their type by both; the state of linear attention is fp32.");
    }

    private static string TypeName(ElementType type) => type switch
    {
        ElementType.Float32 => "fp32",
        ElementType.BFloat16 => "bf16",
        _ => "fp16",
    };

    /// <summary>The relative L2 error of the managed backend against the reference.</summary>
    internal static double Error(BenchOperation operation, int length, ElementType type)
    {
        var sizes = new BenchShape(length, 16, 1, 32) { Seeds = 16 };
        double[] Result(Backend backend)
        {
            using var context = LongSeqContext.Create(backend);
            BenchRun run = operation.Make(context, sizes, Direction.Forward, type);
            run.Run();
            return [.. run.Result()];
        }
        double[] expected = Result(Backend.Reference), computed = Result(Backend.Managed);
        return Math.Sqrt(expected.Zip(computed, (one, other) => (one - other) * (one - other)).Sum() / expected.Sum(value => value * value));
    }
}
