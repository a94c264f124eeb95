using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LongSeqKernels.Bindings;
using LongSeqKernels.Interop;
using LongSeqKernels.Native;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>The built library is the one that the bindings were made for.</summary>
public sealed class NativeLibraryTests
{
    [OneTimeSetUp]
    public void TheLibraryIsThere()
    {
        EmulatedLibrary.Require(nameof(NativeLibraryTests));
        NativeLoader.EnsureLoaded();
    }

    [Test]
    public void TheAbiIsThatOfTheHeader()
    {
        Assert.That(Lsk.AbiVersion(out int version), Is.EqualTo(LskStatus.Ok));
        Assert.That(version, Is.EqualTo(Lsk.LskAbiVersion).And.EqualTo(Repository.Header.Constants.Single(c => c.Name == "LSK_ABI_VERSION").Value));
    }

    [Test]
    public void EveryFunctionOfTheHeaderIsBoundAndExported()
    {
        nint library = NativeLibrary.Load(LongSeqNative.LoadReport.Path);
        string[] functions = [.. Repository.Header.Functions.Select(f => f.Name)];
        IEnumerable<string> bound = typeof(Lsk).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly).Select(method => method.Name);

        Assert.That(functions.Where(name => !NativeLibrary.TryGetExport(library, name, out _)), Is.Empty);
        Assert.That(bound.Count(), Is.EqualTo(functions.Length));
    }

    [Test]
    public void NothingElseIsExported()
    {
        if (!SymbolTable.TryRead(LongSeqNative.LoadReport.Path, out IReadOnlyList<string> exports))
        {
            Assert.Ignore("nm is not installed: the library's exports were not compared with the header's functions.");
        }
        Assert.That(exports, Is.EquivalentTo(Repository.Header.Functions.Select(f => f.Name)));
    }

    [Test]
    public void StructsAreLaidOutAsTheNativeCompilerDoes()
    {
        Assert.That(Lsk.StructLayouts(out nint table), Is.EqualTo(LskStatus.Ok));
        string[] native = Marshal.PtrToStringUTF8(table)!.Split('\n', StringSplitOptions.RemoveEmptyEntries);

        Assert.That(native, Is.EqualTo(Repository.Header.Structs.Select(s => $"{s.Name} {s.Size} {string.Join(' ', s.Fields.Select(f => $"{f.Name}:{f.Offset}"))}")));
        foreach (HeaderStruct s in Repository.Header.Structs)
        {
            Type type = typeof(Lsk).Assembly.GetType($"LongSeqKernels.Interop.{LibraryImportEmitter.TypeName(s)}", throwOnError: true)!;
            Assert.That(Marshal.SizeOf(type), Is.EqualTo(s.Size), s.Name);
            Assert.That(
                s.Fields.Select(f => (int)Marshal.OffsetOf(type, LibraryImportEmitter.FieldName(f))),
                Is.EqualTo(s.Fields.Select(f => f.Offset)),
                s.Name);
        }
        Assert.That(Unsafe.SizeOf<LskCrossAttentionShape>(), Is.EqualTo(Marshal.SizeOf<LskCrossAttentionShape>()));
    }
}
