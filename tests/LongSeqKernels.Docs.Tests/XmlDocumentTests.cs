using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using NUnit.Framework;

namespace LongSeqKernels.Docs.Tests;

/// <summary>What the compiler does not ask of the XML documents: every tensor of an operation has its shape, every operation what it throws.</summary>
[TestFixture]
public sealed partial class XmlDocumentTests
{
    private static readonly XElement[] Members =
        [.. XDocument.Load(Path.ChangeExtension(typeof(LongSeqContext).Assembly.Location, "xml")).Descendants("member")];

    private static IEnumerable<TestCaseData> Methods() =>
        typeof(LongSeqContext).Assembly.GetExportedTypes()
            .Where(type => type is { IsAbstract: true, IsSealed: true, Namespace: nameof(LongSeqKernels) })
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static))
            .Where(method => method.GetParameters().Any(IsTensor))
            .Select(method => new TestCaseData(method).SetArgDisplayNames($"{method.DeclaringType!.Name}.{method.Name}"));

    [TestCaseSource(nameof(Methods))]
    public void EveryTensorHasAShape(MethodInfo method)
    {
        XElement member = DocumentOf(method);
        Assert.Multiple(() =>
        {
            foreach (ParameterInfo tensor in method.GetParameters().Where(IsTensor))
            {
                string text = member.Elements("param").Single(param => param.Attribute("name")!.Value == tensor.Name).Value;
                Assert.That(text, Does.Match(ShapeOrReference()), $"{tensor.Name}: a shape such as [rows, D], or which other tensor it is shaped as");
            }
            Assert.That(member.Elements("exception"), Is.Not.Empty, "what it throws, and when");
        });
    }

    [Test]
    public void TheOperationsAreFound() =>
        Assert.That(Methods().Select(data => ((MethodInfo)data.Arguments[0]!).DeclaringType!.Name).Distinct(), Is.SupersetOf(
            ["CrossAttention", "MergeStates", "LinearAttention", "SketchAttention", "GatedFfn", "Linear", "LayerNorm", "SegmentReduce", "TimeEmbedding", "SummaryCodec"]));

    private static bool IsTensor(ParameterInfo parameter) =>
        parameter.ParameterType is { IsGenericType: true } type && type.GetGenericTypeDefinition() is var definition && (definition == typeof(Span<>) || definition == typeof(ReadOnlySpan<>));

    private static XElement DocumentOf(MethodInfo method)
    {
        string[] names = [.. method.GetParameters().Select(parameter => parameter.Name!)];
        Regex id = new($@"^M:{Regex.Escape(method.DeclaringType!.FullName!)}\.{method.Name}(``\d+)?\(");
        return Members.Single(member => id.IsMatch(member.Attribute("name")!.Value) && member.Elements("param").Select(param => param.Attribute("name")!.Value).SequenceEqual(names));
    }

    [GeneratedRegex(@"\[[^\]]+\]|[Aa]s (in the forward run|the |queries|keys|values|state)|The forward run's")]
    private static partial Regex ShapeOrReference();
}
