using LongSeqKernels.Bindings;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Clang and the built-in reader must see the same header.</summary>
public sealed class AgreementTests
{
    private static readonly string Header = Path.Combine(TestContext.CurrentContext.TestDirectory, "lsk.h");

    private static readonly HeaderModel Clang = CppSharpHeaderReader.Read(Header);

    private static readonly HeaderModel BuiltIn = HeaderReader.Read(File.ReadAllText(Header));

    [Test]
    public void Constants() => Assert.That(Clang.Constants, Is.EqualTo(BuiltIn.Constants.Select(c => c with { Doc = "" })));

    [Test]
    public void Enums() => Assert.That(
        Clang.Enums.SelectMany(e => e.Members.Select(m => (e.Name, m.Name, m.Value))),
        Is.EqualTo(BuiltIn.Enums.SelectMany(e => e.Members.Select(m => (e.Name, m.Name, m.Value)))));

    [Test]
    public void Handles() => Assert.That(Clang.Handles.Select(h => h.Name), Is.EquivalentTo(BuiltIn.Handles.Select(h => h.Name)));

    [Test]
    public void Structs()
    {
        Assert.That(Clang.Structs.Select(s => (s.Name, s.Size)), Is.EqualTo(BuiltIn.Structs.Select(s => (s.Name, s.Size))));
        Assert.That(Clang.Structs.SelectMany(s => s.Fields), Is.EqualTo(BuiltIn.Structs.SelectMany(s => s.Fields).Select(f => f with { Doc = "" })));
    }

    [Test]
    public void Functions()
    {
        Assert.That(Clang.Functions.Select(f => (f.Name, f.Result)), Is.EqualTo(BuiltIn.Functions.Select(f => (f.Name, f.Result))));
        Assert.That(Clang.Functions.SelectMany(f => f.Parameters), Is.EqualTo(BuiltIn.Functions.SelectMany(f => f.Parameters)));
    }
}
