using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace LongSeqKernels.Models;

/// <summary>Reads a log printed with <see cref="GitLogOptions.LogArguments"/>: a line per commit, then a line per path that it touches.</summary>
internal sealed class GitLogParser(InteractionLogBuilder builder, ImportLedger ledger, GitLogOptions format, ImportOptions options, string pool)
{
    private const long Day = 24 * 60 * 60;
    private const long ThreeYears = 3 * 365 * Day;
    private const string CommitStart = "commit\t";
    private readonly HashSet<string> _itemsOfCommit = new(StringComparer.Ordinal);
    private string? _fault = "no commit line comes before it";
    private string _commit = "";
    private string _user = "";
    private long _time;
    private bool _bot;

    /// <summary>Commits of bots that were left out.</summary>
    public long BotCommits { get; private set; }

    /// <summary>Reads a whole log.</summary>
    public void Read(LineReader lines, CancellationToken cancellation)
    {
        while (lines.Read())
        {
            cancellation.ThrowIfCancellationRequested();
            var line = lines.Line;
            if (line.IsEmpty)
            {
                continue;
            }
            string? fault = lines.TooLong ? $"the line has more than {LineReader.MaxLineLength} characters" : null;
            if (line.StartsWith(CommitStart, StringComparison.Ordinal))
            {
                _fault = fault ?? ReadCommit(line[CommitStart.Length..]);
                if (_fault is not null)
                {
                    ledger.CountRow();
                    ledger.AddBad(lines.Name, lines.Number, _fault);
                    _fault = $"its commit, on line {lines.Number}, is bad";
                }
                continue;
            }
            ledger.CountRow();
            fault ??= _fault ?? ReadPath(lines, line);
            if (fault is not null)
            {
                ledger.AddBad(lines.Name, lines.Number, fault);
            }
        }
        // A cancelled git ends its log early.
        cancellation.ThrowIfCancellationRequested();
    }

    private string? ReadCommit(ReadOnlySpan<char> line)
    {
        Span<Range> fields = stackalloc Range[5];
        if (line.Split(fields, '\t') != fields.Length)
        {
            return "the commit line has too few fields; print the log with: git " + GitLogOptions.LogArguments;
        }
        var email = line[fields[3]];
        var name = line[fields[4]];
        _commit = line[fields[0]].ToString();
        string? fault = ImportText.NameFault(_commit, "the commit's hash")
            ?? ImportText.ParseTime(line[fields[1]], "the author time", TimeUnit.Seconds, out _time)
            ?? ImportText.ParseTime(line[fields[2]], "the committer time", TimeUnit.Seconds, out long committed)
            ?? CorrectTime(committed)
            ?? (format.User == GitUser.Name ? ImportText.NameFault(name, "the author's name") : email.IsEmpty ? "the author's e-mail is empty" : null);
        if (fault is not null)
        {
            return fault;
        }
        _user = format.User == GitUser.Name ? name.ToString() : Pseudonym(email);
        _bot = name.Contains("[bot]", StringComparison.OrdinalIgnoreCase) || email.Contains("[bot]", StringComparison.OrdinalIgnoreCase);
        BotCommits += _bot ? 1 : 0;
        _itemsOfCommit.Clear();
        return null;
    }

    private string? CorrectTime(long committed)
    {
        _time = committed - _time > ThreeYears || _time - committed > Day ? committed : _time;
        return null;
    }

    private string? ReadPath(LineReader lines, ReadOnlySpan<char> line)
    {
        int tab = line.IndexOf('\t');
        if (tab != 1 || !"AMDT".Contains(line[0], StringComparison.Ordinal))
        {
            return $"the line is '{ImportText.Shown(line)}'; it must be A, M, D or T, a tab and a path (print the log with --no-renames --name-status)";
        }
        var path = line[2..];
        if (ImportText.NameFault(path, "the path") is { } fault)
        {
            return fault;
        }
        path = Shortened(path, format.PathDepth);
        string item = Prefixed(path);
        if (_bot || !_itemsOfCommit.Add(item))
        {
            // Several files of one package are one event.
            return null;
        }
        if (builder.EventCount == options.MaxEvents)
        {
            throw new InvalidDataException($"{lines.Name}:{lines.Number}: more than {options.MaxEvents} events.");
        }
        // A change of type (a file that becomes a link) is a modification.
        builder.Add(_user, item, _time, 1, line[0] == 'T' ? "M" : line[..1], _commit);
        builder.DescribeItem(item, Prefixed(Directory(path)), pool);
        return null;
    }

    private string Prefixed(ReadOnlySpan<char> path) => pool.Length == 0 ? path.ToString() : $"{pool}:{path}";

    private static ReadOnlySpan<char> Directory(ReadOnlySpan<char> path)
    {
        int slash = path.LastIndexOf('/');
        return slash < 0 ? "." : path[..slash];
    }

    private static ReadOnlySpan<char> Shortened(ReadOnlySpan<char> path, int depth)
    {
        int end = -1;
        for (int part = 0; part < depth; part++)
        {
            int slash = path[(end + 1)..].IndexOf('/');
            if (slash < 0)
            {
                return path;
            }
            end += 1 + slash;
        }
        return depth == 0 ? path : path[..end];
    }

    private static string Pseudonym(ReadOnlySpan<char> email)
    {
        byte[] hash = SHA256.HashData(Encoding.UTF8.GetBytes(email.ToString().ToLower(CultureInfo.InvariantCulture)));
        return Convert.ToHexStringLower(hash.AsSpan(0, 8));
    }
}
