using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace LongSeqKernels.Packages.Tests;

/// <summary>
/// The public API of every library is the one in its PublicAPI.txt, is documented, and gives out nothing of the interop layer. After a change that is meant:
/// <c>LSK_UPDATE_PUBLIC_API=1 dotnet test --project tests/LongSeqKernels.Packages.Tests -c Release --filter FullyQualifiedName~PublicApi</c>, and look at the difference.
/// </summary>
[Parallelizable(ParallelScope.All)]
public sealed partial class PublicApiTests
{
    private const string Update = "LSK_UPDATE_PUBLIC_API";
    private const string HowToUpdate = $"{Update}=1 dotnet test --project tests/LongSeqKernels.Packages.Tests -c Release --filter FullyQualifiedName~PublicApi";

    private static readonly string[] Libraries = ["LongSeqKernels", "LongSeqKernels.Models", "LongSeqKernels.Serving", "LongSeqKernels.Ilgpu", "LongSeqKernels.ManagedCuda"];

    [TestCaseSource(nameof(Libraries))]
    public void ApiIsTheOneThatWasCommitted(string library)
    {
        Repository.Require(library);
        string folder = new[] { "src", "bindings" }.Select(top => Path.Combine(Repository.Root, top, library)).Single(Directory.Exists);
        string path = Path.Combine(folder, "PublicAPI.txt");
        string now = PublicApi.Of(Assembly.Load(library));
        if (Environment.GetEnvironmentVariable(Update) == "1")
        {
            File.WriteAllText(path, now);
            Assert.Ignore($"{path} was written; look at its difference.");
        }
        string committed = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";

        Assert.That(now == committed, Is.True, () => $"The public API of {library} is not that of PublicAPI.txt. If that is meant: {HowToUpdate}\n{Difference(committed, now)}");
    }

    [TestCaseSource(nameof(Libraries))]
    public void EverythingIsDocumented(string library)
    {
        XmlDocuments documents = Documents(library);

        Assert.That(
            from type in Assembly.Load(library).GetExportedTypes()
            from member in PublicApi.Members(type).Prepend(type)
            where documents.Of(member) is null
            select $"{type.FullName}: {member}",
            Is.Empty);
    }

    [TestCaseSource(nameof(Libraries))]
    public void RawHandlesAreCalledSo(string library)
    {
        XmlDocuments documents = Documents(library);

        Assert.That(
            from type in Assembly.Load(library).GetExportedTypes()
            from member in PublicApi.Members(type)
            where PublicApi.Signature(member).Any(IsRaw) && !WordsForRawHandles().IsMatch(documents.Of(member) ?? "")
            select $"{type.FullName}: {member}: \"{documents.Of(member)}\" does not say that this is an address or a handle of a C library",
            Is.Empty);
    }

    [TestCaseSource(nameof(Libraries))]
    public void NothingOfTheInteropLayerIsPublic(string library) =>
        Assert.That(
            from type in Assembly.Load(library).GetExportedTypes()
            where type.Namespace!.EndsWith(".Interop", StringComparison.Ordinal) || typeof(System.Runtime.InteropServices.SafeHandle).IsAssignableFrom(type)
            select type.FullName,
            Is.Empty);

    [TestCaseSource(nameof(Libraries))]
    public void NoOtherPackageReadsInternals(string library) =>
        Assert.That(
            Assembly.Load(library).GetCustomAttributes<InternalsVisibleToAttribute>().Select(friend => friend.AssemblyName).Intersect(Libraries),
            Is.Empty,
            "packages of different versions work together by their public members");

    [Test]
    public void MapOfTheApiNamesEveryTypeOfTheCore()
    {
        using PackageFile package = Feed.Open("LongSeqKernels");
        string map = package.Text("README.md").Split("## The API on one page")[1];

        Assert.That(
            from type in typeof(LongSeqContext).Assembly.GetExportedTypes()
            where !type.IsNested && !map.Contains($"`{CSharpNames.OfDeclaration(type)}`", StringComparison.Ordinal)
            select $"`{CSharpNames.OfDeclaration(type)}` of {type.Namespace}",
            Is.Empty);
    }

    private static XmlDocuments Documents(string library)
    {
        Repository.Require(library);
        return new XmlDocuments(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, library + ".xml")));
    }

    private static bool IsRaw(Type type) =>
        type.IsPointer || type == typeof(nint) || type == typeof(nuint) || (type.HasElementType && IsRaw(type.GetElementType()!)) || type.GetGenericArguments().Any(IsRaw);

    private static string Difference(string before, string after)
    {
        string[] old = WithTypes(before), now = WithTypes(after);
        return string.Join('\n', [.. old.Except(now).Select(line => "- " + line), .. now.Except(old).Select(line => "+ " + line)]);
    }

    // A member's line says whose it is when it stands alone.
    private static string[] WithTypes(string listing)
    {
        string type = "";
        return [.. listing.Split('\n').Select(line => line.StartsWith(' ') ? $"{type}: {line.Trim()}" : type = line)];
    }

    [GeneratedRegex(@"\b([Pp]ointer|[Aa]ddress|cuda\w+_t|DLManagedTensor\w*)\b")]
    private static partial Regex WordsForRawHandles();
}
