using System.Globalization;

namespace LongSeqKernels.Bindings;

internal enum TokenKind
{
    Word,
    Number,
    Symbol,
    Comment,
    Directive,
    End,
}

/// <summary>A token and the lines it covers. A comment's text is what stands between its marks, a directive's is its whole line.</summary>
internal readonly record struct Token(TokenKind Kind, string Text, int Line, int LastLine);

/// <summary>Cuts a header into tokens.</summary>
internal static class HeaderTokens
{
    public static List<Token> Of(string text)
    {
        var tokens = new List<Token>();
        int at = 0;
        int line = 1;
        bool lineStart = true;
        while (at < text.Length)
        {
            char c = text[at];
            if (c == '\n')
            {
                line++;
                at++;
                lineStart = true;
                continue;
            }
            if (char.IsWhiteSpace(c))
            {
                at++;
                continue;
            }
            Token token =
                c == '#' && lineStart ? Directive(text, at, line)
                : text.AsSpan(at).StartsWith("/*") ? Comment(text, at, line)
                : text.AsSpan(at).StartsWith("//") ? throw new HeaderFormatException(line, "a // comment; the header is C90 in its comments: /* ... */")
                : IsWordStart(c) ? new Token(TokenKind.Word, Take(text, at, IsWordPart), line, line)
                : char.IsAsciiDigit(c) || c == '-' ? Number(text, at, line)
                : c == '"' ? new Token(TokenKind.Symbol, Take(text, at + 1, x => x is not ('"' or '\n')) + "\"\"", line, line)
                : new Token(TokenKind.Symbol, c.ToString(), line, line);
            tokens.Add(token);
            lineStart = false;
            line = token.LastLine;
            at += token.Kind == TokenKind.Comment ? token.Text.Length + 4 : token.Text.Length;
        }
        tokens.Add(new Token(TokenKind.End, "", line, line));
        return tokens;
    }

    private static Token Directive(string text, int at, int line)
    {
        string directive = Take(text, at, c => c != '\n');
        if (directive.EndsWith('\\'))
        {
            throw new HeaderFormatException(line, "a macro of several lines; constants are the only macros");
        }
        return new Token(TokenKind.Directive, directive, line, line);
    }

    private static Token Comment(string text, int at, int line)
    {
        int end = text.IndexOf("*/", at + 2, StringComparison.Ordinal);
        if (end < 0)
        {
            throw new HeaderFormatException(line, "a comment that never ends");
        }
        string body = text[(at + 2)..end];
        return new Token(TokenKind.Comment, body, line, line + body.Count(c => c == '\n'));
    }

    private static Token Number(string text, int at, int line)
    {
        string number = Take(text, at, c => c == '-' || IsWordPart(c));
        return int.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)
            ? new Token(TokenKind.Number, number, line, line)
            : throw new HeaderFormatException(line, $"the number {number}; numbers are decimal integers of 32 bits");
    }

    private static string Take(string text, int at, Func<char, bool> belongs)
    {
        int end = at;
        while (end < text.Length && belongs(text[end]))
        {
            end++;
        }
        return text[at..end];
    }

    private static bool IsWordStart(char c) => char.IsAsciiLetter(c) || c == '_';

    private static bool IsWordPart(char c) => char.IsAsciiLetterOrDigit(c) || c == '_';
}
