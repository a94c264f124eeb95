using System.Reflection;
using System.Xml.Linq;

namespace LongSeqKernels.Packages.Tests;

/// <summary>The documents of an assembly: what its XML file says of a type or member.</summary>
internal sealed class XmlDocuments(string xml)
{
    private readonly Dictionary<string, XElement> _members =
        XDocument.Parse(xml).Descendants("member").ToDictionary(member => (string)member.Attribute("name")!);

    /// <summary>The text about a type or member: its own, or that it takes over from another; null where nothing is said.</summary>
    public string? Of(MemberInfo member)
    {
        if (!_members.TryGetValue(Id(member), out XElement? element))
        {
            // What stands in a record's header, and a constructor that nobody wrote, is described with the type.
            return member switch
            {
                PropertyInfo { DeclaringType: { } record } when _members.TryGetValue(Id(record), out XElement? ofRecord) =>
                    ofRecord.Elements("param").FirstOrDefault(parameter => (string?)parameter.Attribute("name") == member.Name)?.Value,
                ConstructorInfo { DeclaringType: { } type } constructor when constructor.GetParameters().Length == 0 => Of(type),
                _ => null,
            };
        }
        string text = element.Value.Trim();
        return text.Length > 0 ? text : element.Element("inheritdoc") is null ? null : "inherited";
    }

    /// <summary>The identity of a type or member in the documents (C# specification, annex D.4).</summary>
    private static string Id(MemberInfo member) => member switch
    {
        Type type => "T:" + TypeName(type),
        FieldInfo field => $"F:{TypeName(field.DeclaringType!)}.{field.Name}",
        EventInfo happening => $"E:{TypeName(happening.DeclaringType!)}.{happening.Name}",
        PropertyInfo property => $"P:{TypeName(property.DeclaringType!)}.{property.Name}{Parameters(property.GetIndexParameters())}",
        ConstructorInfo constructor => $"M:{TypeName(constructor.DeclaringType!)}.#ctor{Parameters(constructor.GetParameters())}",
        MethodInfo method => $"M:{TypeName(method.DeclaringType!)}.{method.Name}{(method.IsGenericMethod ? "``" + method.GetGenericArguments().Length : "")}{Parameters(method.GetParameters())}"
            + (method.Name is "op_Implicit" or "op_Explicit" ? "~" + Name(method.ReturnType) : ""),
        _ => throw new NotSupportedException($"{member.MemberType} {member}"),
    };

    private static string Parameters(ParameterInfo[] parameters) =>
        parameters.Length == 0 ? "" : $"({string.Join(',', parameters.Select(parameter => Name(parameter.ParameterType)))})";

    private static string TypeName(Type type) => type.FullName!.Replace('+', '.');

    private static string Name(Type type)
    {
        if (type.IsByRef)
        {
            return Name(type.GetElementType()!) + "@";
        }
        if (type.IsPointer)
        {
            return Name(type.GetElementType()!) + "*";
        }
        if (type.IsArray)
        {
            int rank = type.GetArrayRank();
            return Name(type.GetElementType()!) + (rank == 1 ? "[]" : $"[{string.Join(',', Enumerable.Repeat("0:", rank))}]");
        }
        if (type.IsGenericParameter)
        {
            return (type.DeclaringMethod is null ? "`" : "``") + type.GenericParameterPosition;
        }
        if (!type.IsGenericType)
        {
            return TypeName(type);
        }
        // Outer<A>.Inner<B> is one generic type with two arguments; each name takes those it declares.
        var names = new Stack<string>();
        Type[] arguments = type.GetGenericArguments();
        int end = arguments.Length;
        for (Type? part = type.GetGenericTypeDefinition(); part is not null; part = part.DeclaringType)
        {
            int start = part.DeclaringType?.GetGenericArguments().Length ?? 0;
            string own = end > start ? $"{{{string.Join(',', arguments[start..end].Select(Name))}}}" : "";
            names.Push((part.DeclaringType is null ? part.Namespace + "." : "") + part.Name.Split('`')[0] + own);
            end = start;
        }
        return string.Join('.', names);
    }
}
