using System.Text.RegularExpressions;

namespace LongSeqKernels.Docs.Tests.Markdown;

/// <summary>The patterns of Markdown.</summary>
internal static partial class Syntax
{
    [GeneratedRegex(@"^\s*(?<fence>```+|~~~+)\s*(?<language>\S*)\s*$")]
    public static partial Regex Fence();

    [GeneratedRegex(@"^\s*([-*+]|\d+\.) ")]
    public static partial Regex ListItem();

    [GeneratedRegex(@"^#{1,6} +(?<title>.*?)\s*$")]
    public static partial Regex Heading();

    [GeneratedRegex(@"[^\p{L}\p{N} _-]")]
    public static partial Regex NotInAnchors();

    [GeneratedRegex(@"(?<ticks>`+)(?<text>.+?)\k<ticks>")]
    public static partial Regex Span();

    [GeneratedRegex(@"\[[^\]]*\]\((?<target>[^)\s]+)\)")]
    public static partial Regex Link();
}
