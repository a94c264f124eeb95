using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace LongSeqKernels.Packages.Tests;

/// <summary>Types, parameters and constants as C# writes them.</summary>
internal static class CSharpNames
{
    private static readonly Dictionary<Type, string> Keywords = new (Type Type, string Keyword)[]
    {
        (typeof(void), "void"), (typeof(bool), "bool"), (typeof(char), "char"), (typeof(string), "string"), (typeof(object), "object"), (typeof(decimal), "decimal"), (typeof(sbyte), "sbyte"),
        (typeof(byte), "byte"), (typeof(short), "short"), (typeof(ushort), "ushort"), (typeof(int), "int"), (typeof(uint), "uint"), (typeof(long), "long"), (typeof(ulong), "ulong"),
        (typeof(float), "float"), (typeof(double), "double"), (typeof(nint), "nint"), (typeof(nuint), "nuint"),
    }.ToDictionary(pair => pair.Type, pair => pair.Keyword);

    // Not safe to share: tests run at the same time.
    private static NullabilityInfoContext Nullability => new();

    /// <summary>A type, without namespace.</summary>
    public static string Of(Type type, NullabilityInfo? nullability = null)
    {
        if (Nullable.GetUnderlyingType(type) is { } underlying)
        {
            return Of(underlying) + "?";
        }
        string mark = nullability is { ReadState: NullabilityState.Nullable } or { WriteState: NullabilityState.Nullable } && !type.IsValueType && !type.IsGenericParameter ? "?" : "";
        return WithoutMark(type, nullability) + mark;
    }

    /// <summary>A type and its own type parameters; with <paramref name="variance"/> as its declaration has them.</summary>
    public static string OfDeclaration(Type type, bool variance = false)
    {
        int inherited = type.DeclaringType?.GetGenericArguments().Length ?? 0;
        return Plain(type.Name) + Parameters(type.GetGenericArguments()[inherited..], variance);
    }

    /// <summary>What may stand for type parameters.</summary>
    public static string Constraints(IEnumerable<Type> parameters) => string.Concat(parameters.Select(Constraint));

    /// <summary>Type parameters in angle brackets; nothing where there are none.</summary>
    public static string Parameters(IReadOnlyCollection<Type> parameters, bool variance = false) =>
        parameters.Count == 0 ? "" : $"<{string.Join(", ", parameters.Select(parameter => (variance ? Variance(parameter) : "") + parameter.Name))}>";

    /// <summary>The parameters of a method or indexer.</summary>
    public static string Parameters(MethodBase method, IEnumerable<ParameterInfo> parameters) =>
        string.Join(", ", parameters.Select((parameter, i) => (i == 0 && method.IsDefined(typeof(ExtensionAttribute)) ? "this " : "") + Parameter(parameter)));

    /// <summary>A value in source.</summary>
    public static string Literal(object? value, Type type) => value switch
    {
        null => type.IsValueType && Nullable.GetUnderlyingType(type) is null ? "default" : "null",
        string text => $"\"{text}\"",
        bool flag => flag ? "true" : "false",
        Enum member => $"{member.GetType().Name}.{member}",
        _ when type.IsEnum => $"{type.Name}.{Enum.ToObject(type, value)}",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    /// <summary>The type of a parameter, property, field or result, with its reference kind.</summary>
    public static string Of(ParameterInfo parameter) => ByReference(parameter.ParameterType, Nullability.Create(parameter), parameter.IsDefined(typeof(IsReadOnlyAttribute)) ? "ref readonly " : "ref ");

    /// <inheritdoc cref="Of(ParameterInfo)"/>
    public static string Of(PropertyInfo property) => ByReference(property.PropertyType, Nullability.Create(property), property.IsDefined(typeof(IsReadOnlyAttribute)) ? "ref readonly " : "ref ");

    /// <inheritdoc cref="Of(ParameterInfo)"/>
    public static string Of(FieldInfo field) => Of(field.FieldType, Nullability.Create(field));

    private static string ByReference(Type type, NullabilityInfo nullability, string kind) =>
        type.IsByRef ? kind + Of(type.GetElementType()!, nullability.ElementType) : Of(type, nullability);

    private static string Parameter(ParameterInfo parameter)
    {
        string kind = !parameter.ParameterType.IsByRef
            ? parameter.IsDefined(typeof(ParamArrayAttribute)) || parameter.IsDefined(typeof(ParamCollectionAttribute)) ? "params " : ""
            : parameter.IsOut ? "out " : parameter.IsDefined(typeof(RequiresLocationAttribute)) ? "ref readonly " : parameter.IsIn ? "in " : "ref ";
        Type type = parameter.ParameterType;
        NullabilityInfo nullability = Nullability.Create(parameter);
        string name = type.IsByRef ? Of(type.GetElementType()!, nullability.ElementType ?? nullability) : Of(type, nullability);
        return $"{kind}{name} {parameter.Name}{(parameter.HasDefaultValue ? " = " + Literal(parameter.DefaultValue, type) : "")}";
    }

    private static string WithoutMark(Type type, NullabilityInfo? nullability)
    {
        if (Keywords.TryGetValue(type, out string? keyword))
        {
            return keyword;
        }
        if (type.IsPointer)
        {
            return Of(type.GetElementType()!) + "*";
        }
        if (type.IsArray)
        {
            return $"{Of(type.GetElementType()!, nullability?.ElementType)}[{new string(',', type.GetArrayRank() - 1)}]";
        }
        if (!type.IsGenericType)
        {
            return type.IsNested && !type.IsGenericParameter ? $"{Of(type.DeclaringType!)}.{type.Name}" : type.Name;
        }
        Type[] arguments = type.GetGenericArguments();
        NullabilityInfo[]? inner = nullability?.GenericTypeArguments;
        IEnumerable<string> names = arguments.Select((argument, i) => Of(argument, inner?.Length == arguments.Length ? inner[i] : null));
        return type.Name.StartsWith("ValueTuple`", StringComparison.Ordinal) ? $"({string.Join(", ", names)})" : $"{Plain(type.Name)}<{string.Join(", ", names)}>";
    }

    private static string Plain(string name) => name.Split('`')[0];

    private static string Variance(Type parameter) =>
        (parameter.GenericParameterAttributes & GenericParameterAttributes.VarianceMask) switch
        {
            GenericParameterAttributes.Covariant => "out ",
            GenericParameterAttributes.Contravariant => "in ",
            _ => "",
        };

    private static string Constraint(Type parameter)
    {
        GenericParameterAttributes attributes = parameter.GenericParameterAttributes;
        bool unmanaged = parameter.GetCustomAttributesData().Any(attribute => attribute.AttributeType.Name == "IsUnmanagedAttribute");
        bool value = attributes.HasFlag(GenericParameterAttributes.NotNullableValueTypeConstraint);
        var all = new List<string>();
        if (unmanaged || value)
        {
            all.Add(unmanaged ? "unmanaged" : "struct");
        }
        if (attributes.HasFlag(GenericParameterAttributes.ReferenceTypeConstraint))
        {
            all.Add("class");
        }
        all.AddRange(parameter.GetGenericParameterConstraints().Where(type => type != typeof(ValueType)).Select(type => Of(type)));
        if (!value && attributes.HasFlag(GenericParameterAttributes.DefaultConstructorConstraint))
        {
            all.Add("new()");
        }
        if (attributes.HasFlag(GenericParameterAttributes.AllowByRefLike))
        {
            all.Add("allows ref struct");
        }
        return all.Count == 0 ? "" : $" where {parameter.Name} : {string.Join(", ", all)}";
    }
}
