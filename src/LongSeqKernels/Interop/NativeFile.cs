using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace LongSeqKernels.Interop;

/// <summary>
/// Whether a file can be loaded, looked at before the loader does: it answers "No such file or directory" for a library of another processor, and a file
/// that is cut off ends the process with SIGBUS.
/// </summary>
internal static class NativeFile
{
    private const int HeaderBytes = 64;
    private const int ProgramHeaderBytes = 56;
    private const uint Load = 1;
    private const byte Wide = 2;

    /// <summary>The processor as ELF numbers it.</summary>
    private static readonly (Architecture Architecture, ushort Machine, string Name)[] Machines =
    [
        (Architecture.X64, 62, "x86-64"),
        (Architecture.Arm64, 183, "aarch64"),
        (Architecture.RiscV64, 243, "riscv"),
        (Architecture.Ppc64le, 21, "ppc64"),
        (Architecture.S390x, 22, "s390"),
    ];

    /// <summary>The processor of this process.</summary>
    public static string Processor { get; } = NameOf(RuntimeInformation.ProcessArchitecture);

    /// <summary>What is wrong with a file and what to do about it; null where the loader may have it.</summary>
    public static (string Error, string Advice)? Flaw(string path)
    {
        if (Directory.Exists(path))
        {
            return ("it is a folder", "Name the file in it.");
        }
        if (!File.Exists(path))
        {
            return ("there is no such file", Advice.Path);
        }
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }
        try
        {
            using FileStream file = File.OpenRead(path);
            return Flaw(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ($"it cannot be read ({e.Message})", "Let the user of this process read it.");
        }
    }

    private static (string Error, string Advice)? Flaw(FileStream file)
    {
        Span<byte> header = stackalloc byte[HeaderBytes];
        header = header[..file.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false)];
        if (!header.StartsWith("\u007fELF"u8))
        {
            return header.StartsWith("MZ"u8) ? ("it is a library for Windows", Advice.OtherMachine)
                : header.Length == 0 ? ("it is empty", Advice.CopyAgain)
                : ("it is not a shared library: it does not begin as an ELF file does", Advice.OtherMachine);
        }
        if (header.Length < HeaderBytes)
        {
            return ($"it is cut off after {file.Length} bytes", Advice.CopyAgain);
        }
        if (header[4] != Wide)
        {
            return ($"it is a 32-bit library; this process needs {Processor}", Advice.OtherMachine);
        }
        ushort machine = BinaryPrimitives.ReadUInt16LittleEndian(header[18..]);
        if (!Machines.Any(m => m.Machine == machine && m.Architecture == RuntimeInformation.ProcessArchitecture))
        {
            string name = Machines.FirstOrDefault(m => m.Machine == machine).Name ?? $"ELF machine {machine}";
            return ($"it is made for {name}; this process needs {Processor}", Advice.OtherMachine);
        }
        long needed = LoadedBytes(file, header);
        return file.Length < needed ? ($"it is cut off: {file.Length} of at least {needed} bytes are there", Advice.CopyAgain) : null;
    }

    /// <summary>Up to where the loader maps the file.</summary>
    private static long LoadedBytes(FileStream file, ReadOnlySpan<byte> header)
    {
        const int OffsetOfSize = 32;
        const int OffsetOfStart = 8;
        long headers = BinaryPrimitives.ReadInt64LittleEndian(header[32..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header[56..]);
        long needed = headers + (count * (long)ProgramHeaderBytes);
        if (headers < 0 || file.Length < needed)
        {
            return needed;
        }
        Span<byte> program = stackalloc byte[ProgramHeaderBytes];
        file.Position = headers;
        for (int i = 0; i < count; i++)
        {
            file.ReadExactly(program);
            if (BinaryPrimitives.ReadUInt32LittleEndian(program) == Load)
            {
                needed = Math.Max(
                    needed,
                    BinaryPrimitives.ReadInt64LittleEndian(program[OffsetOfStart..]) + BinaryPrimitives.ReadInt64LittleEndian(program[OffsetOfSize..]));
            }
        }
        return needed;
    }

    private static string NameOf(Architecture architecture) =>
        Machines.FirstOrDefault(machine => machine.Architecture == architecture).Name ?? architecture.ToString();

    /// <summary>What to do.</summary>
    public static class Advice
    {
        private const string Built = "linux-x64";

        /// <summary>The file was named.</summary>
        public const string Path = $"Let {Native.LongSeqNative.PathVariable} name the library itself, or unset it.";

        public const string CopyAgain = "Copy it again.";

        public const string OneVersion = "Use LongSeqKernels and its native package of one version.";

        public const string OtherMachine = $"Use the file of the package LongSeqKernels.Native.{Built} or of a build of native/ on this machine.";

        public const string NotOurs = $"Let {Native.LongSeqNative.PathVariable} name a library of LongSeqKernels.";

        public const string Dependency = "Install what the loader names, or build native/ on this machine.";

        /// <summary>The file was not found in the usual places.</summary>
        public static string Missing { get; } = RuntimeInformation.RuntimeIdentifier == Built
            ? $"Reference the package LongSeqKernels.Native.{Built}, or let {Native.LongSeqNative.PathVariable} name the file."
            : $"There is a package for {Built} only, and this process is {RuntimeInformation.RuntimeIdentifier}: build native/ and let {Native.LongSeqNative.PathVariable} name the file.";
    }
}
