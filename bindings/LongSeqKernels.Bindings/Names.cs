namespace LongSeqKernels.Bindings;

/// <summary>C names in C#'s words.</summary>
internal static class Names
{
    private const string Prefix = "lsk_";

    private static readonly HashSet<string> Keywords = ["base", "event", "fixed", "in", "out", "params", "ref", "string", "object"];

    /// <summary>lsk_merge_states_shape: LskMergeStatesShape.</summary>
    public static string Type(string name) => Pascal(name);

    /// <summary>lsk_context: ContextHandle.</summary>
    public static string Handle(string name) => Pascal(WithoutPrefix(name)) + "Handle";

    /// <summary>lsk_context_create: ContextCreate.</summary>
    public static string Member(string name) => Pascal(WithoutPrefix(name));

    /// <summary>LSK_ENCODING_INT8 of lsk_encoding: Int8; LSK_OUT_OF_MEMORY of lsk_status: OutOfMemory.</summary>
    public static string EnumMember(string enumName, string name)
    {
        string own = enumName.ToUpperInvariant() + "_";
        return Pascal(name.StartsWith(own, StringComparison.Ordinal) ? name[own.Length..] : WithoutPrefix(name));
    }

    /// <summary>struct_size: structSize.</summary>
    public static string Parameter(string name)
    {
        string pascal = Pascal(name);
        string camel = char.ToLowerInvariant(pascal[0]) + pascal[1..];
        return Keywords.Contains(camel) ? "@" + camel : camel;
    }

    private static string Pascal(string name) =>
        string.Concat(name.Split('_', StringSplitOptions.RemoveEmptyEntries).Select(word => char.ToUpperInvariant(word[0]) + word[1..].ToLowerInvariant()));

    private static string WithoutPrefix(string name) => name.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) ? name[Prefix.Length..] : name;
}
