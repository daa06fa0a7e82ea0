"""The notebook's side: live card, form, board and magics. Nothing here decides about tasks."""
