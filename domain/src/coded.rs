//! Enums that are stored as numbers and shown as names.

/// Defines an enum whose variants each have a stored number and a name: `Paid = 1, "paid"`.
#[macro_export]
macro_rules! coded {
    ($(#[$of_enum:meta])* $visibility:vis enum $Enum:ident {
        $($(#[$of_variant:meta])* $Variant:ident = $code:literal, $name:literal;)+
    }) => {
        $(#[$of_enum])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $visibility enum $Enum {
            $($(#[$of_variant])* $Variant = $code,)+
        }

        impl $Enum {
            /// Every variant, in the order of declaration.
            pub const ALL: [$Enum; [$($code),+].len()] = [$($Enum::$Variant),+];

            /// The stored number.
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The variant that is stored as this number.
            pub const fn from_code(code: u8) -> Option<$Enum> {
                match code {
                    $($code => Some($Enum::$Variant),)+
                    _ => None,
                }
            }

            /// As JSON, query parameters and logs show it.
            pub const fn name(self) -> &'static str {
                match self {
                    $($Enum::$Variant => $name,)+
                }
            }

            /// The variant of this name.
            pub fn from_name(name: &str) -> Option<$Enum> {
                match name {
                    $($name => Some($Enum::$Variant),)+
                    _ => None,
                }
            }

            /// The variant of this name, or of this number in digits.
            pub fn from_name_or_code(text: &str) -> Option<$Enum> {
                match text {
                    $($name | stringify!($code) => Some($Enum::$Variant),)+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $Enum {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

#[cfg(test)]
mod tests {
    coded! {
        enum Fruit {
            Apple = 1, "apple";
            Pear = 4, "pear";
        }
    }

    #[test]
    fn numbers_and_names_both_ways() {
        assert_eq!(Fruit::ALL, [Fruit::Apple, Fruit::Pear]);
        for fruit in Fruit::ALL {
            assert_eq!(Fruit::from_code(fruit.code()), Some(fruit));
            assert_eq!(Fruit::from_name(fruit.name()), Some(fruit));
            assert_eq!(fruit.to_string(), fruit.name());
            for text in [fruit.name().to_owned(), fruit.code().to_string()] {
                assert_eq!(Fruit::from_name_or_code(&text), Some(fruit));
            }
        }
        assert_eq!(Fruit::Pear.code(), 4);
        assert_eq!(Fruit::from_code(2), None);
        for text in ["", "Apple", "04", "2"] {
            assert_eq!(Fruit::from_name_or_code(text), None, "{text}");
        }
        assert_eq!(Fruit::from_name("1"), None);
    }
}
