using System.Diagnostics;

namespace LongSeqKernels.Tests;

/// <summary>The functions and variables that a library defines for others.</summary>
internal static class SymbolTable
{
    public static bool TryRead(string library, out IReadOnlyList<string> symbols)
    {
        symbols = [];
        try
        {
            using Process nm = Process.Start(new ProcessStartInfo("nm", ["-D", "--defined-only", library]) { RedirectStandardOutput = true })!;
            // "0000000000012340 T lsk_abi_version@@LSK_1"; a version node is an A.
            symbols =
                [
                    .. from line in nm.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
                       let words = line.Split(' ')
                       where words[1] != "A"
                       select words[2].Split('@')[0],
                ];
            nm.WaitForExit();
            return nm.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
