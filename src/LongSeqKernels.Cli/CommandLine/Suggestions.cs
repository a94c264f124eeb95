namespace LongSeqKernels.Cli;

/// <summary>What was probably meant by a name that nobody knows.</summary>
internal static class Suggestions
{
    /// <summary>The known names nearest to <paramref name="name"/> by edit distance, nearest first; none that is too far.</summary>
    public static IReadOnlyList<string> Nearest(string name, IEnumerable<string> known, int count)
    {
        int farthest = Math.Max(2, name.Length / 3);
        return [.. known
            .Where(candidate => Math.Abs(candidate.Length - name.Length) <= farthest)
            .Select(candidate => (Candidate: candidate, Distance: Distance(name, candidate)))
            .Where(pair => pair.Distance <= farthest && pair.Distance < name.Length)
            .OrderBy(pair => pair.Distance)
            .ThenBy(pair => pair.Candidate, StringComparer.Ordinal)
            .Take(count)
            .Select(pair => pair.Candidate)];
    }

    /// <summary>Edit distance (Levenshtein), case ignored.</summary>
    public static int Distance(string left, string right)
    {
        var previous = new int[right.Length + 1];
        var current = new int[right.Length + 1];
        for (int j = 0; j <= right.Length; j++)
        {
            previous[j] = j;
        }
        for (int i = 1; i <= left.Length; i++)
        {
            current[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int substitution = char.ToLowerInvariant(left[i - 1]) == char.ToLowerInvariant(right[j - 1]) ? 0 : 1;
                current[j] = Math.Min(Math.Min(current[j - 1], previous[j]) + 1, previous[j - 1] + substitution);
            }
            (previous, current) = (current, previous);
        }
        return previous[right.Length];
    }
}
