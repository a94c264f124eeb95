using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary>The enums of the C ABI for those of the operations, whose numbers are their own.</summary>
internal static class NativeEnums
{
    public static int Dtype<T>()
        where T : unmanaged => (int)(Element<T>.Type switch
        {
            ElementType.Float32 => LskDtype.Float32,
            ElementType.BFloat16 => LskDtype.Bfloat16,
            _ => LskDtype.Float16,
        });

    public static int Of(HistoryForm form) => (int)(form == HistoryForm.Projected ? LskHistoryForm.Projected : LskHistoryForm.Shared);

    public static int Of(AttentionScore score) => (int)(score switch
    {
        AttentionScore.Softmax => LskScore.Softmax,
        AttentionScore.Silu => LskScore.Silu,
        _ => LskScore.Identity,
    });

    public static int Of(LinearActivation activation) => (int)(activation switch
    {
        LinearActivation.Silu => LskActivation.Silu,
        LinearActivation.ShiftedElu => LskActivation.ShiftedElu,
        _ => LskActivation.Identity,
    });

    public static int Of(SegmentReduction reduction) => (int)(reduction switch
    {
        SegmentReduction.Sum => LskReduction.Sum,
        SegmentReduction.Mean => LskReduction.Mean,
        _ => LskReduction.Max,
    });

    public static int Of(SummaryEncoding encoding) => (int)(encoding switch
    {
        SummaryEncoding.Float16 => LskEncoding.Float16,
        SummaryEncoding.Int8 => LskEncoding.Int8,
        _ => LskEncoding.Int4,
    });

    /// <summary>Of a history; null is one that is not encoded.</summary>
    public static int Of(SummaryEncoding? encoding) => (int)(encoding switch
    {
        null => LskHistoryEncoding.None,
        SummaryEncoding.Float16 => LskHistoryEncoding.Float16,
        SummaryEncoding.Int8 => LskHistoryEncoding.Int8,
        _ => LskHistoryEncoding.Int4,
    });

    public static int Of(SlotNormalization normalization) =>
        (int)(normalization == SlotNormalization.None ? LskNormalization.None : LskNormalization.Mass);

    public static int Of(FfnNorm norm) => (int)(norm == FfnNorm.LayerNorm ? LskFfnNorm.Layer : LskFfnNorm.None);

    public static int Of(OutputMode mode) => (int)(mode == OutputMode.Overwrite ? LskOutputMode.Overwrite : LskOutputMode.Add);
}
