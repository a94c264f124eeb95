using Npgsql;

namespace LongSeqKernels.Serving;

/// <summary>Reads where a PostgreSQL database is: a URL as libpq takes it, or a connection string of Npgsql.</summary>
internal static class PostgresLocation
{
    private static readonly string[] Schemes = ["postgres", "postgresql"];

    /// <returns>Whether the location is one of PostgreSQL.</returns>
    /// <exception cref="ArgumentException">It is, but malformed. Messages do not repeat the location: it may hold a password.</exception>
    public static bool TryParse(string location, out string connectionString)
    {
        bool isUrl = Schemes.Any(scheme => location.StartsWith(scheme + "://", StringComparison.OrdinalIgnoreCase));
        if (!isUrl && !location.Contains("host=", StringComparison.OrdinalIgnoreCase))
        {
            connectionString = "";
            return false;
        }
        try
        {
            connectionString = (isUrl ? FromUrl(location) : new NpgsqlConnectionStringBuilder(location)).ConnectionString;
            return true;
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException or KeyNotFoundException)
        {
            throw new ArgumentException($"location is no valid PostgreSQL address ({exception.Message}); it must be postgres://USER:PASSWORD@HOST:PORT/DATABASE or Host=...;Database=...", nameof(location), exception);
        }
    }

    private static NpgsqlConnectionStringBuilder FromUrl(string location)
    {
        var url = new Uri(location);
        if (url.Host.Length == 0)
        {
            throw new FormatException("it names no host");
        }
        var builder = new NpgsqlConnectionStringBuilder { Host = Uri.UnescapeDataString(url.Host) };
        if (url.Port > 0)
        {
            builder.Port = url.Port;
        }
        string[] login = url.UserInfo.Split(':', 2);
        if (login[0].Length > 0)
        {
            builder.Username = Uri.UnescapeDataString(login[0]);
        }
        if (login.Length > 1)
        {
            builder.Password = Uri.UnescapeDataString(login[1]);
        }
        string database = Uri.UnescapeDataString(url.AbsolutePath.TrimStart('/'));
        if (database.Length > 0)
        {
            builder.Database = database;
        }
        foreach (string option in url.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] pair = option.Split('=', 2);
            builder[Uri.UnescapeDataString(pair[0])] = pair.Length > 1 ? Uri.UnescapeDataString(pair[1]) : throw new FormatException($"the option {pair[0]} has no value");
        }
        return builder;
    }
}
