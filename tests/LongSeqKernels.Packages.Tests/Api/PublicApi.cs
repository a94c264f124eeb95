using System.Reflection;
using System.Runtime.CompilerServices;

namespace LongSeqKernels.Packages.Tests;

/// <summary>What an assembly offers, one line each, in an order of its own: what the compiler adds to records by itself is left out.</summary>
internal static class PublicApi
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    /// <summary>The listing of an assembly.</summary>
    public static string Of(Assembly assembly) =>
        string.Concat(
            from type in assembly.GetExportedTypes()
            orderby type.Namespace, type.FullName
            select $"{type.Namespace}: {Declaration(type)}\n{string.Concat(Members(type).Select(Line).Order(StringComparer.Ordinal).Select(line => $"    {line}\n"))}");

    /// <summary>The members that users of a type, or classes derived from it, can name.</summary>
    public static IEnumerable<MemberInfo> Members(Type type) =>
        from member in type.GetMembers(Declared)
        where IsVisible(member, type) && !member.IsDefined(typeof(CompilerGeneratedAttribute)) && !IsOfRecord(member, type)
        select member;

    /// <summary>Everything a member's signature names.</summary>
    public static IEnumerable<Type> Signature(MemberInfo member) => member switch
    {
        MethodBase method => [.. method.GetParameters().Select(parameter => parameter.ParameterType), .. method is MethodInfo { ReturnType: var result } ? [result] : Type.EmptyTypes],
        PropertyInfo property => [property.PropertyType, .. property.GetIndexParameters().Select(parameter => parameter.ParameterType)],
        FieldInfo field => [field.FieldType],
        EventInfo { EventHandlerType: { } handler } => [handler],
        _ => [],
    };

    private static bool IsVisible(MemberInfo member, Type type) => member switch
    {
        MethodBase { IsSpecialName: true, IsConstructor: false } accessor when !accessor.Name.StartsWith("op_", StringComparison.Ordinal) => false,
        MethodBase method => IsVisible(method, type),
        FieldInfo field => !field.IsSpecialName && (field.IsPublic || (IsInheritable(type) && (field.IsFamily || field.IsFamilyOrAssembly))),
        PropertyInfo property => property.GetAccessors(nonPublic: true).Any(accessor => IsVisible(accessor, type)),
        EventInfo happening => IsVisible(happening.AddMethod!, type),
        _ => false,
    };

    private static bool IsVisible(MethodBase method, Type type) => method.IsPublic || (IsInheritable(type) && (method.IsFamily || method.IsFamilyOrAssembly));

    private static bool IsInheritable(Type type) => !type.IsSealed && type.GetConstructors(Declared).Any(constructor => constructor.IsPublic || constructor.IsFamily || constructor.IsFamilyOrAssembly);

    // A record's copy constructor and contract carry no mark of the compiler.
    private static bool IsOfRecord(MemberInfo member, Type type) =>
        member is PropertyInfo { Name: "EqualityContract" } || (IsRecord(type) && member is ConstructorInfo constructor && constructor.GetParameters() is [{ ParameterType: var only }] && only == type);

    private static bool IsRecord(Type type) => type.GetMethod("PrintMembers", Declared) is not null;

    private static string Declaration(Type type)
    {
        string kind =
            type.IsEnum ? "enum"
            : type.IsInterface ? "interface"
            : typeof(Delegate).IsAssignableFrom(type) ? "delegate"
            : (type.IsValueType
                ? (type.IsDefined(typeof(IsReadOnlyAttribute)) ? "readonly " : "") + (type.IsByRefLike ? "ref " : "")
                : type is { IsAbstract: true, IsSealed: true } ? "static " : type.IsAbstract ? "abstract " : type.IsSealed ? "sealed " : "")
                + (IsRecord(type) ? "record " : "") + (type.IsValueType ? "struct" : "class");
        string[] bases = type.IsEnum || kind == "delegate" ? [] : [.. Bases(type).Select(parent => CSharpNames.Of(parent)).Order(StringComparer.Ordinal)];
        string name = (type.IsNested ? CSharpNames.Of(type.DeclaringType!) + "." : "") + CSharpNames.OfDeclaration(type, variance: true);
        string constraints = CSharpNames.Constraints(type.GetGenericArguments().Skip(type.DeclaringType?.GetGenericArguments().Length ?? 0));
        return $"{kind} {name}{(bases.Length == 0 ? "" : " : " + string.Join(", ", bases))}{constraints}";
    }

    private static IEnumerable<Type> Bases(Type type)
    {
        Type? parent = type.BaseType;
        if (parent is not null && parent != typeof(object) && parent != typeof(ValueType))
        {
            yield return parent;
        }
        foreach (Type face in type.GetInterfaces().Where(face => face.IsPublic && parent?.GetInterfaces().Contains(face) != true))
        {
            bool ofRecord = IsRecord(type) && face.IsGenericType && face.GetGenericTypeDefinition() == typeof(IEquatable<>);
            if (!ofRecord)
            {
                yield return face;
            }
        }
    }

    private static string Line(MemberInfo member) => member switch
    {
        ConstructorInfo constructor => $"{Access(constructor)}{CSharpNames.OfDeclaration(constructor.DeclaringType!).Split('<')[0]}({CSharpNames.Parameters(constructor, constructor.GetParameters())})",
        MethodInfo method => Access(method) + Kind(method) + CSharpNames.Of(method.ReturnParameter) + " " + method.Name + CSharpNames.Parameters(method.GetGenericArguments())
            + $"({CSharpNames.Parameters(method, method.GetParameters())})" + CSharpNames.Constraints(method.GetGenericArguments()),
        PropertyInfo property => Property(property),
        FieldInfo { IsLiteral: true } constant => constant.DeclaringType!.IsEnum
            ? $"{constant.Name} = {Convert.ToInt64(constant.GetRawConstantValue(), System.Globalization.CultureInfo.InvariantCulture)}"
            : $"const {CSharpNames.Of(constant)} {constant.Name} = {CSharpNames.Literal(constant.GetRawConstantValue(), constant.FieldType)}",
        FieldInfo field => $"{(field.IsPublic ? "" : "protected ")}{(field.IsStatic ? "static " : "")}{(field.IsInitOnly ? "readonly " : "")}{CSharpNames.Of(field)} {field.Name}",
        EventInfo happening => $"{Access(happening.AddMethod!)}{Kind(happening.AddMethod!)}event {CSharpNames.Of(happening.EventHandlerType!)} {happening.Name}",
        _ => throw new NotSupportedException($"{member.MemberType} {member}"),
    };

    private static string Property(PropertyInfo property)
    {
        MethodInfo[] accessors = [.. property.GetAccessors(nonPublic: true).Where(accessor => IsVisible(accessor, property.DeclaringType!))];
        MethodInfo widest = accessors.FirstOrDefault(accessor => accessor.IsPublic) ?? accessors[0];
        string Accessor(MethodInfo accessor) =>
            (accessor.IsPublic == widest.IsPublic ? "" : Access(accessor))
            + (accessor == property.GetMethod ? "get" : accessor.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? "init" : "set");
        string name = property.GetIndexParameters() is { Length: > 0 } indices ? $"this[{CSharpNames.Parameters(widest, indices)}]" : property.Name;
        string required = property.IsDefined(typeof(RequiredMemberAttribute)) ? "required " : "";
        return $"{Access(widest)}{required}{Kind(widest)}{CSharpNames.Of(property)} {name} {{ {string.Concat(accessors.Select(accessor => Accessor(accessor) + "; "))}}}";
    }

    private static string Access(MethodBase method) => method.IsPublic ? "" : "protected ";

    private static string Kind(MethodInfo method)
    {
        string kind = method.IsStatic ? "static " : "";
        if (!method.IsVirtual || method is { IsFinal: true, DeclaringType.IsInterface: false })
        {
            return kind;
        }
        bool overrides = method.GetBaseDefinition() != method;
        return kind + (overrides ? "override " : method.DeclaringType!.IsInterface ? (method.IsAbstract ? "" : "virtual ") : method.IsAbstract ? "abstract " : "virtual ");
    }
}
