namespace LongSeqKernels.Models;

/// <summary>What names the user of a commit.</summary>
public enum GitUser
{
    /// <summary>16 hexadecimal digits of the SHA-256 of the author's e-mail in lower case: a pseudonym, the same in every repository.</summary>
    HashedEmail,

    /// <summary>The author's name.</summary>
    Name,
}

/// <summary>How commits become events.</summary>
public sealed record GitLogOptions
{
    /// <summary>
    /// The arguments after <c>git</c> that print the log that is read; also how a log must be printed that is saved first. Tabs stand between the fields
    /// of a commit: hash, author time, committer time, author's e-mail, author's name (both after .mailmap).
    /// </summary>
    public const string LogArguments =
        "-c core.quotepath=off log --no-merges --no-renames --reverse --name-status --format=commit%x09%H%x09%at%x09%ct%x09%aE%x09%aN";

    /// <summary>What names the user.</summary>
    public GitUser User { get; init; }

    /// <summary>How many parts of a path make an item (a package directory, say); 0 for the whole path.</summary>
    public int PathDepth { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><see cref="PathDepth"/> is negative.</exception>
    public void Validate() => ArgumentOutOfRangeException.ThrowIfNegative(PathDepth);
}
