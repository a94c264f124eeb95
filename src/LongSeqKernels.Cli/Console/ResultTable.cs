using System.Text;
using Spectre.Console;

namespace LongSeqKernels.Cli;

/// <summary>Rows of text that are shown on a terminal and written as Markdown. A column whose name starts with '>' holds numbers.</summary>
internal sealed class ResultTable(params string[] columns)
{
    private readonly List<string[]> _rows = [];

    public void Row(params string[] cells) => _rows.Add(cells);

    public void Show(Terminal terminal)
    {
        Table table = Tables.Create(columns);
        _rows.ForEach(row => table.Row(row));
        terminal.Write(table);
    }

    public string ToMarkdown()
    {
        var text = new StringBuilder();
        Append(columns.Select(column => column.TrimStart('>')));
        Append(columns.Select(column => column.StartsWith('>') ? "---:" : "---"));
        _rows.ForEach(Append);
        return text.ToString();

        void Append(IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal))).Append(" |\n");
    }
}
