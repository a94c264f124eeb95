using System.Buffers.Binary;

namespace LongSeqKernels;

// Summary codec. The one operation that is specified in fp32 and to the bit: a cache written by one backend is read by another.
internal sealed partial class ReferenceKernels
{
    public void SummaryEncode(SummaryEncoding encoding, int width, ReadOnlySpan<float> input, Span<byte> codes, Span<float> scales)
    {
        int rowBytes = SummaryCodec.RowBytes(encoding, width);
        for (int row = 0; row < scales.Length; row++)
        {
            ReadOnlySpan<float> values = Row(input, row, width);
            Span<byte> rowCodes = Row(codes, row, rowBytes);
            if (encoding == SummaryEncoding.Float16)
            {
                scales[row] = 1;
                for (int i = 0; i < width; i++)
                {
                    BinaryPrimitives.WriteHalfLittleEndian(rowCodes[(2 * i)..], (Half)values[i]);
                }
                continue;
            }

            int largestCode = encoding == SummaryEncoding.Int8 ? 127 : 7;
            float largest = 0;
            foreach (float value in values)
            {
                largest = Math.Max(largest, Math.Abs(value));
            }
            float scale = largest / largestCode;
            scales[row] = scale;
            rowCodes.Clear();
            for (int i = 0; i < width; i++)
            {
                int code = Quantise(values[i], scale, largestCode);
                if (encoding == SummaryEncoding.Int8)
                {
                    rowCodes[i] = unchecked((byte)code);
                }
                else
                {
                    rowCodes[i / 2] |= (byte)((code & 0xF) << (4 * (i % 2)));
                }
            }
        }
    }

    public void SummaryDecode(SummaryEncoding encoding, int width, ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, Span<float> output)
    {
        int rowBytes = SummaryCodec.RowBytes(encoding, width);
        for (int row = 0; row < scales.Length; row++)
        {
            ReadOnlySpan<byte> rowCodes = Row(codes, row, rowBytes);
            Span<float> values = Row(output, row, width);
            for (int i = 0; i < width; i++)
            {
                values[i] = encoding switch
                {
                    SummaryEncoding.Float16 => (float)BinaryPrimitives.ReadHalfLittleEndian(rowCodes[(2 * i)..]),
                    SummaryEncoding.Int8 => (sbyte)rowCodes[i] * scales[row],
                    _ => SignedNibble(rowCodes[i / 2] >> (4 * (i % 2))) * scales[row],
                };
            }
        }
    }

    /// <summary>The nearest code, ties to even. A scale of 0 (a zero row, or one too small for fp32) has the code 0 only.</summary>
    private static int Quantise(float value, float scale, int largestCode) =>
        scale == 0 ? 0 : (int)Math.Clamp(MathF.Round(value / scale, MidpointRounding.ToEven), -largestCode, largestCode);

    private static int SignedNibble(int bits) => ((bits & 0xF) ^ 8) - 8;
}
