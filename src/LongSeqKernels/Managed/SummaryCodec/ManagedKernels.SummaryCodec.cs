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
        var items = RowPieces.OfElements(scales.Length, width);
        int rowBytes = LongSeqKernels.SummaryCodec.RowBytes(encoding, width);
        fixed (float* scalesStart = scales, outputStart = output)
        fixed (byte* codesStart = codes)
        {
            var work = new DecodeRows(items, encoding, width, rowBytes, codesStart, scalesStart, outputStart);
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
                float scale = MathF.Abs(TensorPrimitives.MaxMagnitude(new ReadOnlySpan<float>(values, width))) / largestCode;
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
            Vector128<short> lower = Vector128.Narrow(CodesOfFour(values, scale, largestCode), CodesOfFour(values + 4, scale, largestCode));
            Vector128<short> upper = Vector128.Narrow(CodesOfFour(values + 8, scale, largestCode), CodesOfFour(values + 12, scale, largestCode));
            return Vector128.Narrow(lower, upper);
        }

        private static Vector128<int> CodesOfFour(float* values, float scale, int largestCode)
        {
            Vector128<float> limit = Vector128.Create((float)largestCode);
            Vector128<float> rounded = Vector128.Round(Vector128.Load(values) / Vector128.Create(scale), MidpointRounding.ToEven);
            return Vector128.ConvertToInt32(Vector128.Min(Vector128.Max(rounded, -limit), limit));
        }
    }

    private readonly struct DecodeRows(RowPieces items, SummaryEncoding encoding, int width, int rowBytes, byte* codes, float* scales, float* output) : IParallelWork
    {
        public void Execute(int item, int thread)
        {
            for (long row = items.Begin(item); row < items.End(item); row++)
            {
                byte* rowCodes = codes + (row * rowBytes);
                float* values = output + (row * width);
                switch (encoding)
                {
                    case SummaryEncoding.Float16:
                        TensorPrimitives.ConvertToSingle(
                            MemoryMarshal.Cast<byte, Half>(new ReadOnlySpan<byte>(rowCodes, rowBytes)), new Span<float>(values, width));
                        break;
                    case SummaryEncoding.Int8:
                        DecodeInt8((sbyte*)rowCodes, scales[row], values);
                        break;
                    default:
                        DecodeInt4(rowCodes, scales[row], values);
                        break;
                }
            }
        }

        private void DecodeInt8(sbyte* rowCodes, float scale, float* values)
        {
            int i = 0;
            for (; i + Vector128<sbyte>.Count <= width; i += Vector128<sbyte>.Count)
            {
                StoreScaled(Vector128.Load(rowCodes + i), scale, values + i);
            }
            for (; i < width; i++)
            {
                values[i] = rowCodes[i] * scale;
            }
        }

        private void DecodeInt4(byte* rowCodes, float scale, float* values)
        {
            int i = 0;
            for (; i + Vector128<sbyte>.Count <= width; i += Vector128<sbyte>.Count)
            {
                Vector128<ushort> joined = Vector128.WidenLower(Vector128.Create(Vector64.Load(rowCodes + (i / 2)), Vector64<byte>.Zero));
                Vector128<ushort> pairs = (joined & Vector128.Create((ushort)0x000F)) | ((joined & Vector128.Create((ushort)0x00F0)) << 4);
                Vector128<sbyte> sign = Vector128.Create((sbyte)8);
                StoreScaled((pairs.AsSByte() ^ sign) - sign, scale, values + i);
            }
            for (; i < width; i++)
            {
                int bits = (rowCodes[i / 2] >> (4 * (i % 2))) & 0xF;
                values[i] = ((bits ^ 8) - 8) * scale;
            }
        }

        private static void StoreScaled(Vector128<sbyte> codes, float scale, float* values)
        {
            (Vector128<short> lower, Vector128<short> upper) = Vector128.Widen(codes);
            StoreScaled(lower, scale, values);
            StoreScaled(upper, scale, values + Vector128<short>.Count);
        }

        private static void StoreScaled(Vector128<short> codes, float scale, float* values)
        {
            (Vector128<int> lower, Vector128<int> upper) = Vector128.Widen(codes);
            (Vector128.ConvertToSingle(lower) * scale).Store(values);
            (Vector128.ConvertToSingle(upper) * scale).Store(values + Vector128<int>.Count);
        }
    }
}
