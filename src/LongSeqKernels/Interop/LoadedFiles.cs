using System.Globalization;

namespace LongSeqKernels.Interop;

/// <summary>The files that this process has mapped, as Linux tells them; none elsewhere.</summary>
internal static class LoadedFiles
{
    private const string Maps = "/proc/self/maps";

    /// <summary>The file that an address lies in; null where that is not known.</summary>
    public static string? Of(nint address)
    {
        foreach ((ulong start, ulong end, string path) in Mapped())
        {
            if ((ulong)address >= start && (ulong)address < end)
            {
                return path;
            }
        }
        return null;
    }

    /// <summary>The files whose name begins in some way, each once.</summary>
    public static IEnumerable<string> Named(string start) =>
        Mapped().Select(file => file.Path).Where(path => Path.GetFileName(path).StartsWith(start, StringComparison.Ordinal)).Distinct();

    private static IEnumerable<(ulong Start, ulong End, string Path)> Mapped()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists(Maps))
        {
            yield break;
        }
        foreach (string line in File.ReadLines(Maps))
        {
            // 7f00-7f10 r-xp 00000000 08:01 123   /path of a file, which may have blanks
            int path = line.IndexOf('/', StringComparison.Ordinal);
            int dash = line.IndexOf('-', StringComparison.Ordinal);
            int blank = line.IndexOf(' ', StringComparison.Ordinal);
            if (path > blank && blank > dash && dash > 0)
            {
                yield return (Address(line.AsSpan(0, dash)), Address(line.AsSpan(dash + 1, blank - dash - 1)), line[path..]);
            }
        }
    }

    private static ulong Address(ReadOnlySpan<char> digits) => ulong.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
