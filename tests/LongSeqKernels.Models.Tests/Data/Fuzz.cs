namespace LongSeqKernels.Models.Tests;

/// <summary>Damaged copies of a valid file, the same ones on every run.</summary>
internal static class Fuzz
{
    private static readonly byte[][] Hostile =
    [
        [0], [0, 0, 0, 0], [0xFF], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0xEF, 0xBB, 0xBF],
        "-1"u8.ToArray(), "9223372036854775807"u8.ToArray(), "-9223372036854775808"u8.ToArray(), "99999999999999999999999999"u8.ToArray(),
        "NaN"u8.ToArray(), "1e309"u8.ToArray(), "1e-5"u8.ToArray(), "\""u8.ToArray(), "\"\""u8.ToArray(), "\\"u8.ToArray(), "\\ud800"u8.ToArray(), "{"u8.ToArray(), "}"u8.ToArray(), "[["u8.ToArray(),
        "]"u8.ToArray(), ","u8.ToArray(), ",,,,"u8.ToArray(), "\t"u8.ToArray(), "::"u8.ToArray(), "\n"u8.ToArray(), "\r\n\r\n"u8.ToArray(), "\r"u8.ToArray(), "user"u8.ToArray(), "null"u8.ToArray(),
    ];

    /// <summary>Every prefix of the file.</summary>
    public static IEnumerable<byte[]> Truncations(byte[] valid) => Enumerable.Range(0, valid.Length).Select(length => valid[..length]);

    /// <summary>Every copy with a single flipped bit.</summary>
    public static IEnumerable<byte[]> BitFlips(byte[] valid)
    {
        for (int bit = 0; bit < valid.Length * 8; bit++)
        {
            var copy = (byte[])valid.Clone();
            copy[bit / 8] ^= (byte)(1 << (bit % 8));
            yield return copy;
        }
    }

    /// <summary>Copies with a few random changes each: bytes overwritten, hostile fragments put in, ranges cut out, doubled or exchanged.</summary>
    public static IEnumerable<byte[]> Mutations(byte[] valid, int seed, int count)
    {
        var random = new Random(seed);
        for (int i = 0; i < count; i++)
        {
            var bytes = new List<byte>(valid);
            for (int change = random.Next(1, 5); change > 0; change--)
            {
                Change(bytes, random);
            }
            yield return [.. bytes];
        }
    }

    private static void Change(List<byte> bytes, Random random)
    {
        int at = random.Next(bytes.Count + 1);
        int length = Math.Min(random.Next(1, 20), bytes.Count - at);
        switch (random.Next(6))
        {
            case 0 when at < bytes.Count:
                bytes[at] = (byte)random.Next(256);
                break;
            case 1:
                bytes.InsertRange(at, Hostile[random.Next(Hostile.Length)]);
                break;
            case 2:
                bytes.RemoveRange(at, length);
                break;
            case 3:
                bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, length));
                break;
            case 4:
                byte[] fragment = Hostile[random.Next(Hostile.Length)];
                bytes.RemoveRange(at, Math.Min(fragment.Length, bytes.Count - at));
                bytes.InsertRange(at, fragment);
                break;
            default:
                bytes.InsertRange(at, Enumerable.Repeat((byte)random.Next(256), random.Next(1, 2000)));
                break;
        }
    }
}
