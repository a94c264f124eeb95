using LongSeqKernels.Interop;

namespace LongSeqKernels.Native;

/// <summary><see cref="EncodedRows"/> in device memory.</summary>
/// <param name="Codes"><c>[rows, <see cref="SummaryCodec.RowBytes"/>]</c>.</param>
/// <param name="Scales"><c>[rows]</c>; not read for fp16.</param>
public readonly record struct DeviceEncodedRows(DeviceSlice<byte> Codes, DeviceSlice<float> Scales);

/// <content>Attention to a history of codes, which its kernels decode as they read them.</content>
public sealed partial class NativeCrossAttentionPlan<T, TOutput>
{
    /// <inheritdoc cref="CrossAttention.ForwardEncoded"/>
    /// <param name="stream">Where the run is enqueued.</param>
    /// <param name="queries"><c>[T, nq, H, dh]</c> (<c>[M, nq, H, dh]</c> when broadcast).</param>
    /// <param name="keys"><c>[L, Hkv]</c> rows of width dh, or X, <c>[L]</c> rows of width D, for shared history.</param>
    /// <param name="values"><c>[L, Hkv]</c> rows of width dh; none for shared history.</param>
    /// <param name="output"><c>[T, nq, H, dh]</c>.</param>
    /// <param name="logSumExp"><c>[T, nq, H]</c>, softmax only; or none.</param>
    /// <param name="keyBias"><c>[L]</c>, or none.</param>
    /// <param name="workspace">Null where the plan needs none.</param>
    public unsafe void ForwardEncoded(
        DeviceStream stream,
        DeviceSlice<T> queries,
        DeviceEncodedRows keys,
        DeviceEncodedRows values,
        DeviceSlice<TOutput> output,
        DeviceSlice<float> logSumExp = default,
        DeviceSlice<float> keyBias = default,
        DeviceWorkspace? workspace = null)
    {
        if (Shape.HistoryEncoding is not { } encoding)
        {
            throw Error.Invalid(nameof(Shape.HistoryEncoding), "null", "the encoding of the codes: Forward runs a plan without one");
        }
        using NativeRun run = NativeRun.Begin(this, stream, LskDirection.Forward, workspace);
        LskCrossAttentionTensors tensors = Inputs(run, queries, keyBias);
        long rows = Shape.HistoryHeadRows;
        long valueRows = Shape.Form == HistoryForm.Shared ? 0 : rows;
        int bytes = SummaryCodec.RowBytes(encoding, Shape.HeadWidth);
        tensors.Keys = run.Input(keys.Codes, rows * bytes, "L * Hkv * bytes per row");
        tensors.KeyScales = run.Input(keys.Scales, rows, "L * Hkv, one per row");
        tensors.Values = run.Input(values.Codes, valueRows * bytes, "L * Hkv * bytes per row; none for shared history");
        tensors.ValueScales = run.Input(values.Scales, valueRows, "L * Hkv, one per row; none for shared history");
        Forward(run, stream, tensors, output, logSumExp);
    }
}
