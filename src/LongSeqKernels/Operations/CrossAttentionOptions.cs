namespace LongSeqKernels;

/// <summary>What turns logits <c>x</c> into the weights that sum the values.</summary>
public enum AttentionScore
{
    /// <summary><c>exp(x_j) / sum_j exp(x_j)</c> over the visible keys.</summary>
    Softmax,

    /// <summary><c>SiLU(x_j) / n</c> (HSTU), n = the number of visible keys unless <see cref="CrossAttentionOptions.ScoreDivisor"/> says otherwise.</summary>
    Silu,

    /// <summary><c>x_j / n</c>, n = 1 unless <see cref="CrossAttentionOptions.ScoreDivisor"/> says otherwise.</summary>
    Identity,
}

/// <summary>
/// The numerical switches of cross attention. The logit of a row and a key is
/// <c>x = cap(scale * q . k) + bias_k</c> with <c>cap(s) = c * tanh(s / c)</c>, or s without a cap.
/// </summary>
public readonly record struct CrossAttentionOptions
{
    /// <summary>Factor of q . k; null means 1 / sqrt(head width), and must be given for shared history, whose head width is not the model's.</summary>
    public float? Scale { get; init; }

    /// <summary>Soft cap c of the logits, before the bias; 0 means none.</summary>
    public float SoftCap { get; init; }

    /// <summary>The score function, softmax by default.</summary>
    public AttentionScore Score { get; init; }

    /// <summary>Divisor n of SiLU and identity scores; 0 means their own default. Must be 0 for softmax.</summary>
    public float ScoreDivisor { get; init; }

    /// <summary>The factor that is used for this shape.</summary>
    internal float EffectiveScale(CrossAttentionShape shape) => Scale ?? 1f / MathF.Sqrt(shape.HeadWidth);

    /// <summary>The divisor of a row's scores that sees <paramref name="visible"/> keys (1 or more).</summary>
    internal float EffectiveDivisor(long visible) =>
        ScoreDivisor != 0 ? ScoreDivisor : Score == AttentionScore.Silu ? visible : 1f;

    internal void Validate(CrossAttentionShape shape)
    {
        if (Scale is { } scale)
        {
            Check.Finite(scale, nameof(Scale));
        }
        else if (shape.Form == HistoryForm.Shared)
        {
            throw Error.Invalid(nameof(Scale), "not given", "given for shared history, as 1 / sqrt(width of the model's head): the head width here is the model width");
        }
        Check.FiniteNotNegative(SoftCap);
        Check.Defined(Score);
        Check.FiniteNotNegative(ScoreDivisor);
        if (Score == AttentionScore.Softmax && ScoreDivisor != 0)
        {
            throw Error.Range(nameof(ScoreDivisor), ScoreDivisor, "0 for softmax, which normalises by itself");
        }
    }
}
