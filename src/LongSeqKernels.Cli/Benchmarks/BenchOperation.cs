namespace LongSeqKernels.Cli;

/// <summary>What a run must do at least, whatever the kernel: the two numbers of the roofline model.</summary>
/// <param name="Flops">Floating-point operations, a multiply-add counted as two; exponentials are not counted. A backward counts the products that it computes again.</param>
/// <param name="Bytes">Bytes of all inputs and outputs, each counted once.</param>
internal readonly record struct BenchWork(double Flops, double Bytes);

/// <summary>An operation with its inputs made.</summary>
/// <param name="Run">Runs it once.</param>
/// <param name="Result">The numbers by which runs in other programs are compared with this one: the output, or one gradient.</param>
internal sealed record BenchRun(Action Run, Func<IEnumerable<double>> Result);

/// <summary>
/// One operation as everything here times it: <c>lsk bench</c>, the BenchmarkDotNet suites, the comparison with other libraries and that of two commits. Inputs depend on the
/// sizes only, so that a program in any language can make the same ones.
/// </summary>
/// <param name="name">Its name in options and results, as in <c>src/LongSeqKernels/Operations</c>: "cross-attention".</param>
internal abstract class BenchOperation(string name)
{
    /// <summary>Its name in options and results.</summary>
    public string Name => name;

    /// <summary>Its name in sentences.</summary>
    public string Title => name.Replace('-', ' ');

    /// <summary>Forward, and backward where it has one.</summary>
    public virtual IReadOnlyList<Direction> Directions => [Direction.Forward, Direction.Backward];

    /// <summary>Whether the operation exists in fp32 only (states and codes).</summary>
    public virtual bool IsFloat32Only => false;

    /// <summary>The sizes that matter to it, in words.</summary>
    public abstract string Describe(BenchShape sizes);

    /// <summary>What one run must do at least, with elements of so many bytes.</summary>
    public abstract BenchWork Work(BenchShape sizes, Direction direction, int elementBytes);

    /// <summary>What one run must do at least.</summary>
    public BenchWork Work(BenchShape sizes, Direction direction, ElementType type) =>
        Work(sizes, direction, type == ElementType.Float32 ? sizeof(float) : sizeof(ushort));

    /// <summary>Makes the inputs.</summary>
    public abstract BenchRun Make<T>(LongSeqContext context, BenchShape sizes, Direction direction)
        where T : unmanaged;

    /// <summary>Makes the inputs in a storage type that is known at run time.</summary>
    public BenchRun Make(LongSeqContext context, BenchShape sizes, Direction direction, ElementType type) => type switch
    {
        ElementType.BFloat16 => Make<BFloat16>(context, sizes, direction),
        ElementType.Float16 => Make<Half>(context, sizes, direction),
        _ => Make<float>(context, sizes, direction),
    };

    /// <summary>A run whose result is a tensor.</summary>
    private protected static BenchRun Of<T>(Action run, BenchTensor<T> result)
        where T : unmanaged =>
        new(run, () => result.Span.ToArray().Select(value => (double)Element<T>.ToSingle(value)));
}
