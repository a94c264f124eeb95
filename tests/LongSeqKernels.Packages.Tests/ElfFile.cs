using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace LongSeqKernels.Packages.Tests;

/// <summary>What a shared library of Linux asks of the machine, as readelf tells it.</summary>
internal sealed partial class ElfFile
{
    private readonly string _text;

    private ElfFile(string text) => _text = text;

    /// <summary>The processor.</summary>
    public string Machine => MachineLine().Match(_text).Groups[1].Value;

    /// <summary>Its own name.</summary>
    public string SoName => SoNameLine().Match(_text).Groups[1].Value;

    /// <summary>The libraries that are loaded with it.</summary>
    public IEnumerable<string> Needed => NeededLine().Matches(_text).Select(match => match.Groups[1].Value);

    /// <summary>Where it searches for them before the system does; empty for nowhere.</summary>
    public string RunPath => RunPathLine().Match(_text).Groups[1].Value;

    /// <summary>The version of glibc that the newest of the symbols has that it uses.</summary>
    public Version NewestGlibc => GlibcVersion().Matches(_text).Max(match => Version.Parse(match.Groups[1].Value))!;

    /// <summary>Reads a library; false where readelf is not installed.</summary>
    public static bool TryRead(string path, [NotNullWhen(true)] out ElfFile? elf)
    {
        elf = null;
        try
        {
            elf = new ElfFile(Dotnet.RunProgram("readelf", Path.GetDirectoryName(path)!, [], "-W", "-h", "-d", "-V", path).Expected());
        }
        catch (System.ComponentModel.Win32Exception)
        {
        }
        return elf is not null;
    }

    [GeneratedRegex(@"^\s+Machine:\s+(.+)$", RegexOptions.Multiline)]
    private static partial Regex MachineLine();

    [GeneratedRegex(@"\(SONAME\)\s+Library soname: \[(.+)\]")]
    private static partial Regex SoNameLine();

    [GeneratedRegex(@"\(NEEDED\)\s+Shared library: \[(.+)\]")]
    private static partial Regex NeededLine();

    [GeneratedRegex(@"\((?:RUNPATH|RPATH)\)\s+Library (?:runpath|rpath): \[(.*)\]")]
    private static partial Regex RunPathLine();

    [GeneratedRegex(@"Name: GLIBC_(\d+(?:\.\d+)+)")]
    private static partial Regex GlibcVersion();
}
