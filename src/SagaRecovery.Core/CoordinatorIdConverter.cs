using System.ComponentModel;
using System.Globalization;

namespace SagaRecovery;

/// <summary>Reads a coordinator id from configuration, as a UUID or as a name.</summary>
internal sealed class CoordinatorIdConverter : TypeConverter
{
    public override bool CanConvertFrom(ITypeDescriptorContext? context, Type sourceType) =>
        sourceType == typeof(string) || base.CanConvertFrom(context, sourceType);

    public override object? ConvertFrom(ITypeDescriptorContext? context, CultureInfo? culture, object value) =>
        value switch
        {
            string text when string.IsNullOrWhiteSpace(text) => default(CoordinatorId), // as if it was not set; the validator says so
            string text => CoordinatorId.Parse(text, culture),
            _ => base.ConvertFrom(context, culture, value),
        };
}
