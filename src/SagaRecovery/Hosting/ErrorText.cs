using System.Text;
using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>Formats an exception in one line, inner messages included, since the outermost message often names no cause.</summary>
internal static class ErrorText
{
    private const int MaxLength = 2_000;

    public static string Of(Exception exception)
    {
        var text = new StringBuilder(exception.Message);
        for (Exception? inner = exception.InnerException; inner is not null; inner = inner.InnerException)
        {
            if (!text.ToString().Contains(inner.Message, StringComparison.Ordinal))
            {
                text.Append(": ").Append(inner.Message);
            }
        }

        return Plain(text.ToString());
    }

    /// <summary>Makes text from outside safe for a line of the log or the report; see <see cref="PlainText"/>.</summary>
    public static string Plain(string text) => PlainText.OneLine(text, MaxLength);
}
