using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace LongSeqKernels;

/// <content>Summary codec: fp16, int8 and int4 rows, the same bits as every other backend writes.</content>
internal sealed unsafe partial class ManagedKernels
{
    public void SummaryEncode(SummaryEncoding encoding, int width, ReadOnlySpan<float> input, Span<byte> codes, Span<float> scales)
    {
        var items = RowPieces.OfElements(scales.Length, width);
        int rowBytes = LongSeqKernels.SummaryCodec.RowBytes(encoding, width);
        fixed (float* inputStart = input, scalesStart = scales)
        fixed (byte* codesStart = codes)
        {
            var work = new EncodeRows(items, encoding, width, rowBytes, inputStart, codesStart, scalesStart);
            _pool.Run(ref work, items.Count);
        }
    }

    public void SummaryDecode(SummaryEncoding encoding, int width, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> output)
    {
        switch (_simd)
        {
            case SimdLevel.Vector512:
                Decode<Simd512, Vector512<float>>(encoding, width, codes, scales, output);
                break;
            case SimdLevel.Vector256:
                Decode<Simd256, Vector256<float>>(encoding, width, codes, scales, output);
                break;
            default:
                Decode<Simd128, Vector128<float>>(encoding, width, codes, scales, output);
                break;
        }
    }

    private void Decode<TSimd, TVector>(SummaryEncoding encoding, int width, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> output)
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        var items = RowPieces.OfElements(scales.Length, width);
        fixed (float* scalesStart = scales, outputStart = output)
        fixed (byte* codesStart = codes)
        {
            var work = new DecodePieces<TSimd, TVector>(items, new DecodedRows<TSimd, TVector>(encoding, codesStart, scalesStart, 1, width), width, outputStart);
            _pool.Run(ref work, items.Count);
        }
    }

    private readonly struct EncodeRows(RowPieces items, SummaryEncoding encoding, int width, int rowBytes, float* input, byte* codes, float* scales) : IParallelWork
    {
        public void Execute(int item, int thread)
        {
            for (long row = items.Begin(item); row < items.End(item); row++)
            {
                float* values = input + (row * width);
                byte* rowCodes = codes + (row * rowBytes);
                if (encoding == SummaryEncoding.Float16)
                {
                    TensorPrimitives.ConvertToHalf(new ReadOnlySpan<float>(values, width), MemoryMarshal.Cast<byte, Half>(new Span<byte>(rowCodes, rowBytes)));
                    scales[row] = 1;
                    continue;
                }
                int largestCode = encoding == SummaryEncoding.Int8 ? 127 : 7;
                float scale = Magnitude.Largest(new ReadOnlySpan<float>(values, width)) / largestCode;
                scales[row] = scale;
                if (encoding == SummaryEncoding.Int8)
                {
                    EncodeInt8(values, scale, (sbyte*)rowCodes);
                }
                else
                {
                    EncodeInt4(values, scale, rowCodes);
                }
            }
        }

        private void EncodeInt8(float* values, float scale, sbyte* rowCodes)
        {
            int i = 0;
            for (; i + Vector128<sbyte>.Count <= width; i += Vector128<sbyte>.Count)
            {
                Codes(values + i, scale, 127).Store(rowCodes + i);
            }
            for (; i < width; i++)
            {
                rowCodes[i] = (sbyte)Code(values[i], scale, 127);
            }
        }

        private void EncodeInt4(float* values, float scale, byte* rowCodes)
        {
            int i = 0;
            for (; i + Vector128<sbyte>.Count <= width; i += Vector128<sbyte>.Count)
            {
                // A 16-bit lane holds an even code in its low byte and the odd one after it in its high byte.
                Vector128<ushort> pairs = Codes(values + i, scale, 7).AsUInt16();
                Vector128<ushort> joined = (pairs & Vector128.Create((ushort)0x000F)) | ((pairs >> 4) & Vector128.Create((ushort)0x00F0));
                Vector128.Narrow(joined, joined).GetLower().Store(rowCodes + (i / 2));
            }
            for (; i < width; i += 2)
            {
                int upper = i + 1 < width ? Code(values[i + 1], scale, 7) : 0;
                rowCodes[i / 2] = (byte)((Code(values[i], scale, 7) & 0xF) | ((upper & 0xF) << 4));
            }
        }

        private static int Code(float value, float scale, int largestCode) =>
            scale == 0 ? 0 : (int)Math.Clamp(MathF.Round(value / scale, MidpointRounding.ToEven), -largestCode, largestCode);

        /// <summary>The codes of 16 values.</summary>
        private static Vector128<sbyte> Codes(float* values, float scale, int largestCode)
        {
            if (scale == 0)
            {
                return Vector128<sbyte>.Zero;
            }
            // Adding 1.5 * 2^23 leaves no bits behind the point: the sum is rounded to the nearest integer, ties to even, and its low bits are that integer.
            Vector512<float> shift = Vector512.Create(12582912f);
            Vector512<float> shifted = (Vector512.Load(values) / Vector512.Create(scale)) + shift;
            Vector512<int> limit = Vector512.Create(largestCode);
            Vector512<int> codes = Vector512.Min(Vector512.Max(shifted.AsInt32() - shift.AsInt32(), -limit), limit);
            Vector256<short> words = Vector256.Narrow(codes.GetLower(), codes.GetUpper());
            return Vector128.Narrow(words.GetLower(), words.GetUpper());
        }
    }

    private readonly struct DecodePieces<TSimd, TVector>(RowPieces items, DecodedRows<TSimd, TVector> rows, int width, float* output) : IParallelWork
        where TSimd : struct, ISimd<TVector>
        where TVector : struct
    {
        public void Execute(int item, int thread)
        {
            long first = items.Begin(item);
            rows.Read(first, (int)(items.End(item) - first), output + (first * width), null, out _);
        }
    }
}
