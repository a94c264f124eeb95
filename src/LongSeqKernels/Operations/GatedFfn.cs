namespace LongSeqKernels;

/// <summary>Whether a gated FFN ends in a layer norm.</summary>
public enum FfnNorm
{
    /// <summary>Layer norm of the output rows.</summary>
    LayerNorm,

    /// <summary>No norm.</summary>
    None,
}

/// <summary>The shape of a gated FFN.</summary>
/// <param name="Rows">Rows of x and y; may be 0.</param>
/// <param name="Width">D, columns of x and y.</param>
/// <param name="HiddenWidth">rD, columns of the hidden rows (r = 2 in STCA).</param>
/// <param name="Norm">Layer norm of the output, or none.</param>
public readonly record struct GatedFfnShape(int Rows, int Width, int HiddenWidth, FfnNorm Norm = FfnNorm.LayerNorm)
{
    /// <summary>Epsilon of the layer norm.</summary>
    public float Epsilon { get; init; } = LayerNorm.DefaultEpsilon;

    internal void Validate()
    {
        Check.Rows(Rows);
        Check.Width(Width);
        Check.Width(HiddenWidth);
        Check.Defined(Norm);
        Check.FinitePositive(Epsilon);
    }
}

/// <summary>The parameters of a gated FFN; biases, gain and norm bias may be empty (0, 1, 0).</summary>
/// <typeparam name="T">Storage type.</typeparam>
public readonly ref struct GatedFfnWeights<T>
    where T : unmanaged
{
    /// <summary>W_u <c>[D, rD]</c>, the linear branch.</summary>
    public required ReadOnlySpan<T> Up { get; init; }

    /// <summary>W_v <c>[D, rD]</c>, the branch under SiLU.</summary>
    public required ReadOnlySpan<T> Gate { get; init; }

    /// <summary>W_o <c>[rD, D]</c>.</summary>
    public required ReadOnlySpan<T> Down { get; init; }

    /// <summary><c>[rD]</c> or empty.</summary>
    public ReadOnlySpan<T> UpBias { get; init; }

    /// <summary><c>[rD]</c> or empty.</summary>
    public ReadOnlySpan<T> GateBias { get; init; }

    /// <summary><c>[D]</c> or empty.</summary>
    public ReadOnlySpan<T> DownBias { get; init; }

    /// <summary>Gain of the norm <c>[D]</c> or empty.</summary>
    public ReadOnlySpan<T> NormGain { get; init; }

    /// <summary>Bias of the norm <c>[D]</c> or empty.</summary>
    public ReadOnlySpan<T> NormBias { get; init; }

    internal void Validate(GatedFfnShape shape)
    {
        Check.Length(Up, (long)shape.Width * shape.HiddenWidth, "D * rD");
        Check.Length(Gate, (long)shape.Width * shape.HiddenWidth, "D * rD");
        Check.Length(Down, (long)shape.HiddenWidth * shape.Width, "rD * D");
        Check.LengthOrEmpty(UpBias, shape.HiddenWidth, "rD");
        Check.LengthOrEmpty(GateBias, shape.HiddenWidth, "rD");
        Check.LengthOrEmpty(DownBias, shape.Width, "D");
        int normWidth = shape.Norm == FfnNorm.LayerNorm ? shape.Width : 0;
        Check.LengthOrEmpty(NormGain, normWidth, "D, with a layer norm only");
        Check.LengthOrEmpty(NormBias, normWidth, "D, with a layer norm only");
    }

    /// <summary>The parameters in the order of <see cref="GatedFfnTensors.Names"/>.</summary>
    internal ReadOnlySpan<T> this[int parameter] => parameter switch
    {
        0 => Up,
        1 => Gate,
        2 => Down,
        3 => UpBias,
        4 => GateBias,
        5 => DownBias,
        6 => NormGain,
        _ => NormBias,
    };

    internal void CheckDisjoint(Span<T> output, string argument)
    {
        for (int i = 0; i < GatedFfnTensors.Names.Length; i++)
        {
            Check.Disjoint(output, this[i], argument, GatedFfnTensors.Names[i]);
        }
    }
}

/// <summary>What the parameters are called in messages.</summary>
internal static class GatedFfnTensors
{
    public static readonly string[] Names = ["Up", "Gate", "Down", "UpBias", "GateBias", "DownBias", "NormGain", "NormBias"];
}

/// <summary>The gradients of a gated FFN's parameters, shaped as the parameters; those that are empty are not computed.</summary>
/// <typeparam name="T">Storage type.</typeparam>
public readonly ref struct GatedFfnGradients<T>
    where T : unmanaged
{
    /// <summary>Of W_u.</summary>
    public Span<T> Up { get; init; }

    /// <summary>Of W_v.</summary>
    public Span<T> Gate { get; init; }

    /// <summary>Of W_o.</summary>
    public Span<T> Down { get; init; }

    /// <summary>Of the bias of W_u.</summary>
    public Span<T> UpBias { get; init; }

    /// <summary>Of the bias of W_v.</summary>
    public Span<T> GateBias { get; init; }

    /// <summary>Of the bias of W_o.</summary>
    public Span<T> DownBias { get; init; }

    /// <summary>Of the norm's gain.</summary>
    public Span<T> NormGain { get; init; }

    /// <summary>Of the norm's bias.</summary>
    public Span<T> NormBias { get; init; }

    internal void Validate(GatedFfnShape shape)
    {
        Check.LengthOrEmpty(Up, (long)shape.Width * shape.HiddenWidth, "D * rD");
        Check.LengthOrEmpty(Gate, (long)shape.Width * shape.HiddenWidth, "D * rD");
        Check.LengthOrEmpty(Down, (long)shape.HiddenWidth * shape.Width, "rD * D");
        Check.LengthOrEmpty(UpBias, shape.HiddenWidth, "rD");
        Check.LengthOrEmpty(GateBias, shape.HiddenWidth, "rD");
        Check.LengthOrEmpty(DownBias, shape.Width, "D");
        int normWidth = shape.Norm == FfnNorm.LayerNorm ? shape.Width : 0;
        Check.LengthOrEmpty(NormGain, normWidth, "D, with a layer norm only");
        Check.LengthOrEmpty(NormBias, normWidth, "D, with a layer norm only");
    }

    /// <summary>The gradients in the order of <see cref="GatedFfnTensors.Names"/>.</summary>
    internal Span<T> this[int parameter] => parameter switch
    {
        0 => Up,
        1 => Gate,
        2 => Down,
        3 => UpBias,
        4 => GateBias,
        5 => DownBias,
        6 => NormGain,
        _ => NormBias,
    };

    internal void CheckDisjoint(ReadOnlySpan<T> other, string otherArgument)
    {
        for (int i = 0; i < GatedFfnTensors.Names.Length; i++)
        {
            Check.Disjoint(this[i], other, Name(i), otherArgument);
        }
    }

    /// <summary>The gradients from the parameters, and from each other.</summary>
    internal void CheckDisjoint(GatedFfnWeights<T> weights)
    {
        for (int i = 0; i < GatedFfnTensors.Names.Length; i++)
        {
            CheckDisjoint(weights[i], GatedFfnTensors.Names[i]);
            for (int j = 0; j < i; j++)
            {
                Check.Disjoint(this[i], this[j], Name(i), Name(j));
            }
        }
    }

    private static string Name(int parameter) => "gradients." + GatedFfnTensors.Names[parameter];
}

/// <summary>
/// Gated FFN with layer norm, STCA's history and query encoder (arXiv 2511.06077, section 3.1):
/// <c>y = LN(((x W_u) * silu(x W_v)) W_o)</c>. The hidden rows never leave the cache; the backward recomputes them.
/// </summary>
public static class GatedFfn
{
    /// <summary>Encodes rows.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="shape">Rows, widths, norm.</param>
    /// <param name="input"><c>[rows, D]</c>.</param>
    /// <param name="weights">The parameters.</param>
    /// <param name="output"><c>[rows, D]</c>.</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void Forward<T>(LongSeqContext context, GatedFfnShape shape, ReadOnlySpan<T> input, GatedFfnWeights<T> weights, Span<T> output)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        context.ThrowIfDisposed();
        shape.Validate();
        weights.Validate(shape);
        Check.Length(input, (long)shape.Rows * shape.Width, "rows * D");
        Check.Length(output, (long)shape.Rows * shape.Width, "rows * D");
        Check.Disjoint(output, input);
        weights.CheckDisjoint(output, nameof(output));
        context.Kernels.GatedFfn(shape, input, weights, output);
    }

    /// <summary>Gradients of <see cref="Forward"/>; one that is not wanted is an empty span.</summary>
    /// <param name="context">Where to run.</param>
    /// <param name="shape">As in the forward run.</param>
    /// <param name="input">As in the forward run.</param>
    /// <param name="weights">As in the forward run.</param>
    /// <param name="outputGradient"><c>[rows, D]</c>.</param>
    /// <param name="inputGradient"><c>[rows, D]</c>, or empty.</param>
    /// <param name="gradients">Of the parameters.</param>
    /// <param name="mode">Whether the gradients overwrite or add to what their spans hold (every layer of STCA reads the same raw history).</param>
    /// <exception cref="ArgumentException">A tensor has the wrong length or overlaps another.</exception>
    public static void Backward<T>(
        LongSeqContext context,
        GatedFfnShape shape,
        ReadOnlySpan<T> input,
        GatedFfnWeights<T> weights,
        ReadOnlySpan<T> outputGradient,
        Span<T> inputGradient,
        GatedFfnGradients<T> gradients,
        OutputMode mode = OutputMode.Overwrite)
        where T : unmanaged
    {
        _ = Element<T>.Type;
        context.ThrowIfDisposed();
        shape.Validate();
        weights.Validate(shape);
        gradients.Validate(shape);
        Check.Length(input, (long)shape.Rows * shape.Width, "rows * D");
        Check.Length(outputGradient, (long)shape.Rows * shape.Width, "rows * D");
        Check.LengthOrEmpty(inputGradient, (long)shape.Rows * shape.Width, "rows * D");
        Check.Defined(mode);
        Check.Disjoint(inputGradient, input);
        Check.Disjoint(inputGradient, outputGradient);
        weights.CheckDisjoint(inputGradient, nameof(inputGradient));
        gradients.CheckDisjoint(input, nameof(input));
        gradients.CheckDisjoint(outputGradient, nameof(outputGradient));
        gradients.CheckDisjoint(inputGradient, nameof(inputGradient));
        gradients.CheckDisjoint(weights);
        context.Kernels.GatedFfnBackward(shape, input, weights, outputGradient, inputGradient, gradients, mode);
    }
}
