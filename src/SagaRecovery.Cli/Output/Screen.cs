using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using SagaRecovery.Status;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace SagaRecovery.Cli.Output;

/// <summary>
/// Prints results as tables, JSON or plain lines. Tables are colored on a terminal and fitted into its width, and always have one line per
/// row. External text is rendered as <see cref="Text"/>, never as markup.
/// </summary>
internal sealed class Screen(ToolEnvironment environment)
{
    /// <summary>A width beyond any row. Tables are fitted before they are rendered, and nothing else is wrapped or cut off.</summary>
    private const int UnlimitedWidth = 4_096;

    /// <summary>Prints one line. The text must be free of control characters.</summary>
    public void Line(string text = "") => environment.Out.WriteLine(text);

    /// <summary>Prints lines that a service has rendered. They are sanitized again, because the service is not trusted.</summary>
    public void Lines(string text)
    {
        foreach (string line in Plain(text))
        {
            Line(line);
        }
    }

    public void Json<T>(T value, JsonTypeInfo<T> type) => Line(JsonSerializer.Serialize(value, type));

    /// <summary>Prints JSON on a single line, for JSON Lines output.</summary>
    public void JsonLine<T>(T value, JsonTypeInfo<T> type)
    {
        using var document = JsonSerializer.SerializeToDocument(value, type);
        using var line = new MemoryStream();
        using (var writer = new Utf8JsonWriter(line))
        {
            document.WriteTo(writer);
        }

        Line(Encoding.UTF8.GetString(line.ToArray()));
    }

    /// <summary>The present time, to which ages in tables refer.</summary>
    public DateTimeOffset Now => environment.Time.GetUtcNow();

    /// <summary>Prints a table: fitted into the width of the terminal, or whole elsewhere.</summary>
    public void Print(Sheet sheet)
    {
        var text = new StringWriter();
        Write(sheet.Render(environment.IsTerminal ? environment.Size.Width : null), text);
        foreach (string line in text.ToString().TrimEnd('\n').Split('\n'))
        {
            Line(line.TrimEnd());
        }
    }

    /// <summary>Replaces the text on the screen. Lines that do not fit are cut off.</summary>
    public void Redraw(IEnumerable<string> lines)
    {
        (int width, int height) = environment.Size;
        var frame = new StringBuilder("\x1b[H");
        string[] all = [.. lines];
        foreach (string line in all.Take(height - 2))
        {
            frame.Append(line.Length <= width ? line : line[..(width - 1)] + "…").Append("\x1b[K\n");
        }

        frame.Append(all.Length > height - 2 ? $"… and {all.Length - height + 2} more lines: run 'status'\x1b[K\n" : "").Append("\x1b[J");
        environment.Out.Write(frame);
        environment.Out.Flush();
    }

    public void Clear() => environment.Out.Write("\x1b[2J\x1b[H");

    public static IEnumerable<string> Plain(string text) =>
        text.TrimEnd('\n').Split('\n').Select(line => PlainText.OneLine(line, longest: 1_000).TrimEnd());

    private void Write(IRenderable content, TextWriter output)
    {
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = environment.SupportsAnsi ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = environment.SupportsAnsi ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(output),
        });
        console.Profile.Width = UnlimitedWidth;
        console.Profile.Capabilities.Unicode = true;
        console.Write(content);
    }
}
